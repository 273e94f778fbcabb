package watcher

import (
	"fmt"
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
	// beginning is how long the first files of a service that come while it is
	// watched have to be still. Builds that put libraries into a JAR make one
	// without them first, which may run as little as it looks whole, and what its
	// size was before is not known yet.
	beginning = time.Second
	// endless is how long files that are still wait for one that is written under
	// another name: some are written for ever.
	endless = 30 * time.Second
)

// decider is the one place that decides whether a service's files are still and
// whole: from what scans saw and when, whether to wait, to take the files, or
// what to report. It reads no clock and no file.
//
//	             differs             still for settle          whole
//	(at rest) ───────────▶ (moving) ──────────────────▶ take ─────────▶ Ready, Same
//	    ▲                   ▲    ▲                        │ not whole       │
//	    │                   │    └── moved while copied ──┤                 │
//	    │                   └──────── until patience ─────┘                 │
//	    └──────────────────────────────── then: Refused ◀───────────────────┘
type decider struct {
	service  Service       // what it runs
	settle   time.Duration // stillness before files are taken
	patience time.Duration // stillness before what is not whole is refused

	burst    burst
	came     bool // there was nothing to deploy at first
	seen     snapshot
	since    time.Time // when seen was first so
	wanting  bool      // seen was taken once and not whole
	reread   bool      // seen was read once more because of coarse times
	awaited  bool      // Changed was reported, and nothing after it
	away     bool      // that nothing can be had was reported since the last verdict
	decided  *snapshot // that the last verdict is about; nil: none yet
	sent     Set       // last reported as Ready
	prior    verdict   // what stood before that
	standing refusal   // that stands since; zero: none
	lack     string    // why there is nothing to deploy; "": there is something
	lacks    time.Time // since when
	told     string    // the last lack that was reported since the last verdict
	noted    string    // what was reported with a Ready
}

// refusal is a reason and the ID of the bytes that it is about, "" if it did
// not take reading them.
type refusal struct{ reason, id string }

// repeats says whether r says nothing that o did not.
func (r refusal) repeats(o refusal) bool {
	return r == o || r.id != "" && r.id == o.id
}

// doing is what is to be done next for a service.
type doing int

const (
	rest doing = iota // until something may have moved
	wait              // and scan again
	take              // copy and check what was seen
)

// step is the decider's answer to a scan.
type step struct {
	do     doing
	wait   time.Duration // of wait: at most this long
	final  bool          // of take: what is not whole now will be refused
	events []Event       // to be reported first
}

// found is what taking the files came to.
type found struct {
	set    Set    // complete if reason is empty; its ID is that of the bytes in any case
	reason string // why it is not whole
	note   string // what is worth knowing of it

	end func(error) // ends the set's Reading, if it has one
}

// next takes in a scan. With owed someone asked: there will be a Ready or
// Refused in the end even if nothing has changed.
func (s *decider) next(now time.Time, seen snapshot, owed bool) step {
	first, changed := s.since.IsZero(), !seen.equal(s.seen)
	if changed && !first {
		s.burst.note(now, s.seen, seen)
	}
	if first || changed || !slices.Equal(seen.unfinished, s.seen.unfinished) && now.Sub(s.burst.noted) < endless {
		s.since, s.wanting, s.reread = now, false, false
	}
	s.seen = seen // what is no artefact may differ
	still := now.Sub(s.since)
	if why := s.absent(); why != "" {
		s.burst.awaits()
		s.came = true
		return s.withdrawn(now, why, owed)
	}
	s.lack = ""
	if s.decided != nil && seen.equal(*s.decided) && !owed && !s.awaited && !s.away {
		return s.unchanged(still)
	}
	var st step
	if changes := s.changes(); len(changes) > 0 && !s.awaited {
		s.awaited = true
		st.events = []Event{{Kind: Changed, Changes: changes}}
	}
	problem := seen.problem
	need := s.need(problem)
	switch {
	case still < need:
		st.do, st.wait = wait, need-still
	case problem != "":
		st.events = append(st.events, s.refuse(refusal{reason: problem}, owed)...)
	default:
		st.do, st.final = take, still >= s.unfinished()
	}
	return st
}

// need gives how long the files have to be still.
func (s *decider) need(problem string) time.Duration {
	need := s.burst.need(s.settle)
	if s.vanished() {
		need = max(need, vanishing)
	}
	if problem != "" || s.emptied() {
		need = max(need, s.patience)
	}
	if s.wanting {
		need = max(need, s.unfinished())
	}
	if s.came && s.sent.ID == "" && s.service.Runs != "" {
		need = max(need, beginning)
	}
	if s.shrunk() {
		need = max(need, 5*s.patience)
	}
	if s.writing() {
		need = max(need, lull)
	}
	return need
}

// unfinished is how long a file that is not whole must have been still to be
// refused: a slow writer rests for long, and a build that has removed what it
// made before, and now makes it step by step, for longer.
func (s *decider) unfinished() time.Duration {
	if s.vanished() {
		return 50 * s.patience
	}
	return 5 * s.patience
}

// none says that there is no folder yet, so what comes is being written.
func (s *decider) none(now time.Time) {
	if s.since.IsZero() {
		s.since = now
	}
	s.came = true
}

// withdrawn answers a scan that saw nothing to deploy. That is no change, only
// an end of the one that was reported; and where nothing has been deployed yet,
// or a JAR of another name has come, a person may wait for it in vain.
func (s *decider) withdrawn(now time.Time, why string, owed bool) step {
	if why != s.lack {
		s.lack, s.lacks = why, now
	}
	still := now.Sub(later(s.since, s.lacks))
	vain := len(s.seen.entries)+len(s.seen.others)+len(s.seen.passed) > 0 && why != s.told && (s.sent.ID == "" || s.fresh())
	switch {
	case owed:
		s.awaited, s.away = false, true
		return step{events: []Event{{Kind: Refused, Reason: why}}}
	case !s.awaited && !vain:
		return step{}
	case still < vanishing:
		return step{do: wait, wait: vanishing - still}
	}
	s.awaited, s.away, s.told = false, true, why
	return step{events: []Event{{Kind: Missing, Reason: why}}}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// unchanged answers a scan that saw what the last verdict is about. What has been
// otherwise meanwhile is read instead: equal sizes and times do not make it the
// same bytes.
func (s *decider) unchanged(still time.Duration) step {
	var st step
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
func (s *decider) moved(now time.Time) { s.since, s.wanting = now, false }

// conclude takes in what taking the files came to.
func (s *decider) conclude(f found, final, owed bool) []Event {
	if f.reason != "" {
		if !final {
			s.wanting = true
			return nil
		}
		return s.refuse(refusal{f.reason, f.set.ID}, owed)
	}
	known := f.set.ID == s.sent.ID && !owed
	was := verdict{s.sent, s.decided}
	notice := s.awaited || s.away || s.standing != refusal{}
	s.decide()
	s.standing = refusal{}
	if !known {
		e := Event{Kind: Ready, Set: f.set, Changes: f.set.since(s.sent)}
		if f.note != s.noted {
			e.Reason, s.noted = f.note, f.note
		}
		s.prior = was
		s.sent = f.set
		return []Event{e}
	}
	if notice {
		return []Event{{Kind: Same}}
	}
	return nil
}

// verdict is what was reported of files.
type verdict struct {
	sent    Set
	decided *snapshot
}

// unsound takes in that a set which was reported as Ready is not whole: most
// likely its files are still being written, and rest. They are awaited as such.
func (s *decider) unsound(set Set) []Event {
	if s.sent.ID != set.ID {
		return nil
	}
	s.sent, s.decided = s.prior.sent, s.prior.decided
	s.awaited, s.wanting = true, true
	return []Event{{Kind: Unsound, Set: set}}
}

func (s *decider) refuse(r refusal, owed bool) []Event {
	reported := s.awaited || s.away
	s.decide()
	if owed || !r.repeats(s.standing) {
		s.standing = r
		return []Event{{Kind: Refused, Reason: r.reason}}
	}
	if reported {
		return []Event{{Kind: Same, Reason: r.reason}}
	}
	return nil
}

func (s *decider) decide() {
	seen := s.seen
	s.decided, s.awaited, s.away, s.wanting, s.told = &seen, false, false, false, ""
}

// before is what the last verdict is about.
func (s *decider) before() snapshot {
	if s.decided == nil {
		return snapshot{}
	}
	return *s.decided
}

// absent says why there is nothing to deploy, "" if there is something. No
// file at all is no set, and neither are the rest of the files while what the
// command runs is away: not built yet, or deleted, which is not a change.
func (s *decider) absent() string {
	switch {
	case s.seen.problem != "":
		return ""
	case len(s.seen.entries) == 0 && len(s.seen.passed) > 0:
		return fmt.Sprintf("%s is passed over, and there is no other JAR; build that, or name this one in exec and files", s.seen.passed[0])
	case len(s.seen.entries) == 0 && len(s.seen.others) > 0:
		return fmt.Sprintf("no file matches files (%s); build it, or name the right one there%s", strings.Join(s.service.Files, ", "), thereIs(s.seen.others))
	case len(s.seen.entries) == 0:
		return "there is no artefact yet; build it first"
	case s.service.Runs == "" && len(s.service.Parts) == 0:
		if slices.ContainsFunc(s.sent.Files, func(f File) bool { return IsArchive(f.Name) }) && thereIs(s.seen.names()) == "" {
			return "the JARs are gone; build them again"
		}
		return ""
	}
	return lacking(s.service.Runs, s.seen.names(), s.service.Parts...)
}

// fresh says whether there is an archive that was not in the last set.
func (s *decider) fresh() bool {
	return slices.ContainsFunc(s.seen.entries, func(e entry) bool { return IsArchive(e.name) && !s.had(e.name) })
}

// changes lists what is new or of another size since the last verdict.
func (s *decider) changes() []Change {
	var all []Change
	before := s.before()
	for _, e := range s.seen.entries {
		if old, ok := before.find(e.name); !ok || old.size != e.size {
			all = append(all, Change{e.name, e.size})
		}
	}
	return all
}

// vanished says whether a file of the last set is missing.
func (s *decider) vanished() bool {
	return slices.ContainsFunc(s.sent.Files, func(f File) bool { return !s.sees(f.Name) })
}

// emptied says whether a file has become empty or come so. Tools that write a
// file anew cut it to nothing first, and a busy machine can leave it so for long.
func (s *decider) emptied() bool {
	return slices.ContainsFunc(s.seen.differing(s.before()), func(e entry) bool { return e.size == 0 })
}

// shrunk says whether an archive has become far smaller. Builds make a JAR of
// the classes alone first, and put the libraries in then.
func (s *decider) shrunk() bool {
	return slices.ContainsFunc(s.sent.Files, func(f File) bool {
		e, ok := s.seen.find(f.Name)
		return ok && IsArchive(f.Name) && e.size > 0 && e.size < f.Size/4
	})
}

// writing says whether somebody writes under another name than an artefact's. A
// file that lay there at the last verdict was left by a writer that is gone.
func (s *decider) writing() bool {
	return slices.ContainsFunc(s.seen.unfinished, func(e entry) bool { return !slices.Contains(s.before().unfinished, e) })
}

func (s *decider) sees(name string) bool {
	_, ok := s.seen.find(name)
	return ok
}

func (s *decider) had(name string) bool {
	return slices.ContainsFunc(s.sent.Files, func(f File) bool { return f.Name == name })
}
