package watcher

import (
	"slices"
	"strings"
	"time"
)

const (
	// vanishing is how long files of the last set must have been gone before
	// the rest is a set of its own. Tools delete and create anew, and a deleted
	// file is no wish to run without it.
	vanishing = 2 * time.Second
	// coarse is how long after a change files are read once more if their
	// times come in whole seconds (HFS+, FAT: two seconds). There a second
	// change right after the first can leave every bit of a stat as it was.
	coarse = 2100 * time.Millisecond
)

// settler decides, from what scans saw and when, whether to wait, to take the
// files, or what to tell. It reads no clock and no file.
//
//	             differs             still for settle          whole
//	(at rest) ───────────▶ (moving) ──────────────────▶ take ─────────▶ Ready, Same
//	    ▲                   ▲    ▲                        │ not whole       │
//	    │                   │    └── moved while copied ──┤                 │
//	    │                   └──────── until patience ─────┘                 │
//	    └──────────────────────────────── then: Refused ◀───────────────────┘
type settler struct {
	runs     string        // see Service.Runs
	settle   time.Duration // stillness before files are taken
	patience time.Duration // stillness before what is not whole is refused

	seen     snapshot
	since    time.Time // when seen was first so
	wanting  bool      // seen was taken once and not whole
	reread   bool      // seen was read once more because of coarse times
	told     bool      // Changed was told, and nothing after it
	away     bool      // that nothing can be had was told since the last verdict
	decided  *snapshot // that the last verdict is about; nil: none yet
	sent     Set       // last told as Ready
	standing refusal   // that stands since; zero: none
}

// refusal is a reason and the ID of the bytes that it is about, "" if it did
// not take reading them.
type refusal struct{ reason, id string }

// repeats says whether r tells nothing that o did not.
func (r refusal) repeats(o refusal) bool {
	return r == o || r.id != "" && r.id == o.id
}

// doing is what a lane has to do next.
type doing int

const (
	rest doing = iota // until something is heard
	wait              // and scan again
	take              // copy and check what was seen
)

// step is the settler's answer to a scan.
type step struct {
	do     doing
	wait   time.Duration // of wait: at most this long
	final  bool          // of take: what is not whole now will be refused
	events []Event       // to be told first
}

// found is what taking the files came to.
type found struct {
	set    Set    // complete if reason is empty; its ID is that of the bytes in any case
	reason string // why it is not whole
}

// next takes in a scan. With owed someone asked: there will be a Ready or
// Refused in the end even if nothing has changed.
func (s *settler) next(now time.Time, seen snapshot, owed bool) step {
	if s.since.IsZero() || !seen.equal(s.seen) {
		s.seen, s.since, s.wanting, s.reread = seen, now, false, false
	}
	still := now.Sub(s.since)
	if why := s.absent(); why != "" {
		return s.withdrawn(still, why, owed)
	}
	if s.decided != nil && seen.equal(*s.decided) && !owed {
		return s.unchanged(still)
	}
	var st step
	if changes := s.changes(); len(changes) > 0 && !s.told {
		s.told = true
		st.events = []Event{{Kind: Changed, Changes: changes}}
	}
	problem := s.problem()
	need := s.settle
	if s.vanished() {
		need = vanishing
	}
	if s.wanting || problem != "" || s.emptied() {
		need = max(need, s.patience)
	}
	switch {
	case still < need:
		st.do, st.wait = wait, need-still
	case problem != "":
		st.events = append(st.events, s.refuse(refusal{reason: problem}, owed)...)
	default:
		st.do, st.final = take, still >= s.patience
	}
	return st
}

// withdrawn answers a scan that saw nothing to deploy. That is no change, only
// an end of the one that was told.
func (s *settler) withdrawn(still time.Duration, why string, owed bool) step {
	switch {
	case owed:
		s.told, s.away = false, true
		return step{events: []Event{{Kind: Refused, Reason: why}}}
	case !s.told:
		return step{}
	case still < vanishing:
		return step{do: wait, wait: vanishing - still}
	}
	s.told, s.away = false, true
	return step{events: []Event{{Kind: Same, Reason: why}}}
}

// unchanged answers a scan that saw what the last verdict is about.
func (s *settler) unchanged(still time.Duration) step {
	var st step
	if s.told || s.away { // there and back again
		s.told, s.away = false, false
		st.events = []Event{{Kind: Same, Reason: s.standing.reason}}
	}
	if s.reread || !s.seen.coarse() {
		return st
	}
	if still < coarse {
		st.do, st.wait = wait, coarse-still
		return st
	}
	s.reread = true
	st.do, st.final = take, true
	return st
}

// moved says that the files changed while they were taken: their stillness
// begins anew.
func (s *settler) moved(now time.Time) { s.since, s.wanting = now, false }

// conclude takes in what taking the files came to.
func (s *settler) conclude(f found, final, owed bool) []Event {
	if f.reason != "" {
		if !final {
			s.wanting = true
			return nil
		}
		return s.refuse(refusal{f.reason, f.set.ID}, owed)
	}
	known := f.set.ID == s.sent.ID && !owed
	notice := s.told || s.away || s.standing != refusal{}
	s.decide()
	s.standing = refusal{}
	if !known {
		s.sent = f.set
		return []Event{{Kind: Ready, Set: f.set}}
	}
	if notice {
		return []Event{{Kind: Same}}
	}
	return nil
}

func (s *settler) refuse(r refusal, owed bool) []Event {
	told := s.told || s.away
	s.decide()
	if owed || !r.repeats(s.standing) {
		s.standing = r
		return []Event{{Kind: Refused, Reason: r.reason}}
	}
	if told {
		return []Event{{Kind: Same, Reason: r.reason}}
	}
	return nil
}

func (s *settler) decide() {
	seen := s.seen
	s.decided, s.told, s.away, s.wanting = &seen, false, false, false
}

// absent says why there is nothing to deploy, "" if there is something. No
// file at all is no set, and neither are the rest of the files while the JAR
// is away: not built yet, or deleted, which is not a change.
func (s *settler) absent() string {
	if s.seen.problem != "" {
		return ""
	}
	if len(s.seen.entries) == 0 {
		return "there is no artefact yet; build it first"
	}
	if s.runs == "" && !slices.ContainsFunc(s.sent.Files, func(f File) bool { return isJAR(f.Name) }) {
		return ""
	}
	var jars, fresh bool
	for _, e := range s.seen.entries {
		jars = jars || isJAR(e.name)
		fresh = fresh || isJAR(e.name) && !s.had(e.name)
	}
	if !jars {
		return "there is no JAR yet; build it first"
	}
	if s.runs != "" && s.runs != "*" && s.had(s.runs) && !s.sees(s.runs) && !fresh {
		return show(s.runs) + " is gone; build it again"
	}
	return ""
}

// problem says why what was seen cannot be a set whatever the bytes are.
func (s *settler) problem() string {
	if s.seen.problem != "" {
		return s.seen.problem
	}
	_, why := mainJAR(s.runs, s.seen.entries)
	return why
}

// changes lists what is new or of another size since the last verdict.
func (s *settler) changes() []Change {
	old := make(map[string]int64)
	if s.decided != nil {
		for _, e := range s.decided.entries {
			old[e.name] = e.size
		}
	}
	var all []Change
	for _, e := range s.seen.entries {
		if size, ok := old[e.name]; !ok || size != e.size {
			all = append(all, Change{e.name, e.size})
		}
	}
	return all
}

// vanished says whether a file of the last set is missing.
func (s *settler) vanished() bool {
	return slices.ContainsFunc(s.sent.Files, func(f File) bool { return !s.sees(f.Name) })
}

// emptied says whether a file has become empty or come so. Tools that write a
// file anew cut it to nothing first, and a busy machine can leave it so for long.
func (s *settler) emptied() bool {
	var old []entry
	if s.decided != nil {
		old = s.decided.entries
	}
	return slices.ContainsFunc(differing(old, s.seen.entries), func(e entry) bool { return e.size == 0 })
}

func (s *settler) sees(name string) bool {
	_, ok := slices.BinarySearchFunc(s.seen.entries, name, func(e entry, n string) int { return strings.Compare(e.name, n) })
	return ok
}

func (s *settler) had(name string) bool {
	return slices.ContainsFunc(s.sent.Files, func(f File) bool { return f.Name == name })
}

// coarse says whether the files' times come in whole seconds.
func (s snapshot) coarse() bool {
	return len(s.entries) > 0 && !slices.ContainsFunc(s.entries, func(e entry) bool {
		return e.mtime.nsec != 0 || e.ctime.nsec != 0
	})
}
