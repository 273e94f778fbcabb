// Package watcher turns a shared folder into artefact sets.
//
// It promises that a set which it calls ready is a complete, unchanging copy
// of a service's files: taken when they had been still, looked at again after
// the copy, with every JAR readable to its last entry. It promises to tell a
// set once, to tell why there is none once, and to go on by itself after a
// folder was removed, unmounted, or did not answer.
//
//	 the share                                                  local disk
//	┌──────────┐ hint ┌──────┐ scan  ┌─────────┐ take  ┌──────────────────────┐
//	│ inotify  │ ───▶ │ lane │ ────▶ │ settler │ ────▶ │ copy + hash, look    │
//	│ or timer │      │ (one │       │ (still  │       │ again, check JARs    │
//	└──────────┘      │ each)│ ◀──── │  yet?)  │ ◀──── │ Store/<service>/<ID> │
//	                  └──┬───┘ wait  └─────────┘ found └──────────────────────┘
//	                     ▼
//	      Changed, Ready, Refused, Same, Degraded, Restored
//
// A hint says that something may have changed, no more. What counts is the
// scan: one stat a file, compared for inequality with what was seen before and
// never with the clock, because the two sides of a share have two clocks.
//
// Where the other side of the share writes, inotify is blind (see Choice), so
// there the hints come from a lookout: it glances at the few files that changed
// last up to a hundred times a second, and has everything scanned as often as a
// small share of a core allows (budget.go). A slow timer runs in any case.
//
// Who writes to the share is trusted less than who runs this program. Nothing
// is followed out of a service's folder, nothing but regular files is read, and
// files, bytes and archive entries are counted before they cost memory.
//
// Calls on a share can hang for ever (a dead NFS server, a stopped VM host).
// They run on goroutines of their own; the lane waits for them and says after
// a while that there is no answer, but the other lanes, and the end of Run, do
// not depend on them.
package watcher
