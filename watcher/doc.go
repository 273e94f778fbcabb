// Package watcher turns a shared folder into artefact sets.
//
// It promises that a set which it calls ready is a complete, unchanging copy
// of a service's files: taken when they had been still, looked at again after
// the copy, with every JAR whole as far as its table of contents shows. It is read
// to its last entry beside what is done with it, and its Reading says how that
// ended (reading.go). It promises to report a
// set once, to report why there is none once, and to go on by itself after a
// folder was removed, unmounted, or did not answer.
//
//	  two sources          one loop, which owns all state        apart from it
//	┌────────────┐        ┌──────────────────────────────┐
//	│ notifier   │ "this  │ state of each service:       │ look  ┌────────────────┐
//	│ (inotify)  │ path ▶ │ when to look next            │ ────▶ │ one stat a     │
//	├────────────┤ may    │          │                   │ ◀──── │ file           │
//	│ poller     │ have   │          ▼                   │       ├────────────────┤
//	│ (quick     │ moved" │ decider: still? whole?       │ copy  │ copy and hash, │
//	│ checks)    │        │          │                   │ ────▶ │ look again,    │
//	└────────────┘        │          │                   │ ◀──── │ check JARs     │
//	                      └──────────┼───────────────────┘       └───────┬────────┘
//	                                 ▼                                   ▼
//	  Changed, Ready, Refused, Same, Missing, …              Store/<service>/<ID>
//
// That a path may have moved is a reason to look, no more. What counts is the
// look: what it sees is compared for inequality with what was seen before and
// never with the clock, because the two sides of a share have two clocks.
//
// Where the other side of the share writes, inotify is blind (see ModeOf), so
// there the poller checks the few files that changed recently, up to a hundred
// times a second, and has everything looked at as often as a small share of a
// core allows (interval.go). A slow timer runs in any case.
//
// Who writes to the share is trusted less than who runs this program. Nothing
// is followed out of a service's folder, nothing but regular files is read, and
// files, bytes and archive entries are counted before they cost memory.
//
// Calls on a share can hang for ever (a dead NFS server, a stopped VM host).
// They run apart (calls.go): they are given values, answer with a message, and
// touch nothing of the loop's. It reports after a while that there is no answer;
// the other services, and the end of Run, do not depend on them.
package watcher
