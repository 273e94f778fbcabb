package watcher

import (
	"maps"
	"slices"
	"time"
)

const (
	// lull is how long nothing is written between two builds, and so the longest
	// stillness that is awaited of files that nothing says the end of.
	lull = 3 * time.Second
	// firstBurst: so many times Options.Settle have files to be still that have
	// never been seen written before, but one archive.
	firstBurst = 10
	// rewrite is how long after a file was written it is not continued but written
	// anew: somebody has saved it twice.
	rewrite = time.Second
	// keptBursts is how many bursts are remembered.
	keptBursts = 4
)

// burst is what was written with no lull in between, most likely by one build,
// and what was written so before. From it follows how long files have to be
// still. An archive says itself whether it is whole; of other files, and of how
// many there are to come, the pauses so far tell, and what the last build wrote
// that wrote the same.
type burst struct {
	written
	noted  time.Time // when note was called last
	wrote  time.Time // last; zero: nothing, or something is awaited
	before []written // the newest first
}

// written is what one build wrote.
type written struct {
	names map[string]bool
	// between is the longest pause before another file was written, within that
	// before more of the same files was.
	between, within time.Duration
}

// note takes in that files were seen to change from one look to the next.
func (b *burst) note(now time.Time, was, is snapshot) {
	if now.Sub(b.noted) >= lull {
		b.close()
	}
	b.noted = now
	var fresh, filled bool
	changed := is.differing(was)
	if b.names == nil {
		b.names = make(map[string]bool)
	}
	for _, e := range changed {
		fresh = fresh || !b.names[e.name]
		if old, ok := was.find(e.name); ok && old.size == 0 {
			filled = true
		}
		b.names[e.name] = true
	}
	switch {
	case len(changed) == 0:
		b.awaits()
		return
	case b.wrote.IsZero(), filled:
	case fresh:
		b.between = max(b.between, now.Sub(b.wrote))
	case now.Sub(b.wrote) < rewrite:
		b.within = max(b.within, now.Sub(b.wrote))
	}
	b.wrote = now
}

// awaits says that something is not there, or empty, so the pause until it comes
// tells nothing.
func (b *burst) awaits() { b.wrote = time.Time{} }

// close ends a burst.
func (b *burst) close() {
	if len(b.names) > 0 {
		b.before = slices.Insert(b.before, 0, b.written)
		b.before = b.before[:min(keptBursts, len(b.before))]
	}
	b.written, b.wrote = written{}, time.Time{}
}

// need gives how long files have to be still for the burst to be over.
func (b *burst) need(settle time.Duration) time.Duration {
	need := settle
	plain := slices.ContainsFunc(slices.Collect(maps.Keys(b.names)), func(name string) bool { return !IsArchive(name) })
	if plain {
		need = max(need, 2*b.within)
	}
	i := slices.IndexFunc(b.before, b.meets)
	switch {
	case i < 0 && (len(b.names) > 1 || plain && len(b.before) == 0):
		need = max(need, firstBurst*settle, 2*b.between)
	case i >= 0 && !b.covers(b.before[i]):
		need = max(need, 2*b.between, 2*b.before[i].between)
	}
	return min(need, max(lull, settle))
}

// meets says whether something was written that another build wrote.
func (b *burst) meets(w written) bool {
	for name := range b.names {
		if w.names[name] {
			return true
		}
	}
	return false
}

// covers says whether all was written that another build wrote.
func (b *burst) covers(w written) bool {
	for name := range w.names {
		if !b.names[name] {
			return false
		}
	}
	return true
}
