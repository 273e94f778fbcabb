package deployer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	// archiveAfter is how long a generation serves before the classes that it has
	// loaded are taken for those that a start needs: some come with the first requests.
	archiveAfter = 5 * time.Second
	// archiveMemory, archiveTime and archiveDisk bound the making of an archive:
	// of an application with 25,000 classes it takes some 700 MB and 20 s of a core.
	archiveMemory = 2 << 30
	archiveTime   = 10 * time.Minute
	archiveDisk   = 1 << 30
	// Between attempts is a pause that doubles.
	archivePause     = 30 * time.Second
	archivePauseMost = time.Hour
)

// archiving is the making of the archive for what is live, as the loop knows it.
type archiving struct {
	cancel context.CancelFunc // nil: none is made
	pause  time.Duration      // after the last attempt has failed
	next   time.Time          // when the next one may be
	told   bool               // that it fails was said
}

// makeArchive makes the archive of the classes of what is live where there is none: one
// at a time, when no deploy is under way. A deploy that comes meanwhile hardly notices:
// nothing else runs at a lower priority.
func (l *loop) makeArchive() {
	if l.archive.cancel != nil || l.live == nil || l.down != nil || l.live.fast == nil || l.live.fast.archive == "" || l.live.fast.ready ||
		l.gone || l.attempt != nil || time.Now().Before(l.archive.next) {
		return
	}
	g := l.live
	wait, cancel := context.WithCancel(l.ctx)
	l.archive.cancel = cancel
	l.task(func(context.Context) message {
		defer cancel()
		made, err := l.produceArchive(wait, g)
		return archiveMade{g, made, err}
	})
}

// produceArchive waits for its turn, and makes the archive of what a generation has loaded.
func (l *loop) produceArchive(ctx context.Context, g *Generation) (*Produced, error) {
	if err := Pause(ctx, archiveAfter-time.Since(g.Since)); err != nil {
		return nil, err
	}
	if err := l.archives.enter(ctx); err != nil {
		return nil, err
	}
	defer l.archives.leave()
	if err := l.background.enter(ctx); err != nil { // standbys go first, and deploys
		return nil, err
	}
	l.background.leave()
	f := g.fast
	if l.sharing.has(ctx, f.archive) { // another service has the same libraries
		return nil, nil
	}
	if free, err := l.Available(); err == nil && free < l.Reserve+archiveMemory/4 {
		return nil, errShort
	}
	list, err := l.Engine.ReadFile(ctx, g.Name(), classList)
	if err != nil {
		return nil, err
	}
	list = list[:bytes.LastIndexByte(list, '\n')+1] // the last line may be half written
	listed := f.archive + ".classes"
	if err := l.Engine.Share(ctx, listed, func(w io.Writer) error { _, err := w.Write(list); return err }); err != nil {
		return nil, err
	}
	defer func() { _ = l.Engine.Unshare(context.WithoutCancel(ctx), listed) }() // else it goes as the oldest
	p, err := l.Engine.Produce(ctx, f.production(g.Base, listed))
	l.sharing.forget(ctx)
	if err != nil {
		return nil, err
	}
	return &p, l.sharing.collect(ctx)
}

// handleArchiveMade takes up what has become of it.
func (l *loop) handleArchiveMade(m archiveMade) {
	a := &l.archive
	a.cancel = nil
	switch {
	case m.err == nil:
		a.pause, a.next, a.told = 0, time.Time{}, false
		if m.made != nil {
			l.say(Event{Kind: Archived, Service: l.name, Generation: m.g.Name(), Took: m.made.Took, Reason: fmt.Sprintf(
				"the classes of its %d libraries are in an archive of %d MiB (%.1f s of processor): what starts from now on is faster",
				len(m.g.fast.stable), m.made.Bytes>>20, m.made.CPU.Seconds())})
		}
		if l.live == m.g || l.live.Name() == m.g.Name() {
			next := *l.live
			f := *next.fast
			f.ready = true
			next.fast = &f
			l.live = &next
		}
	case l.over() || errors.Is(m.err, context.Canceled):
	default:
		a.pause = min(max(archivePause, 2*a.pause), archivePauseMost)
		a.next = time.Now().Add(a.pause)
		if !a.told && !errors.Is(m.err, errShort) {
			a.told = true
			l.sayWarning(fmt.Sprintf("no archive of the classes of %s yet; it is tried again", m.g.Name()), m.err)
		}
	}
}

// lookTaken finds out whether the JVM of what has gone live takes classes from the
// archive that it was given.
func (l *loop) lookTaken(g *Generation) {
	if g.Start == nil || g.Start.Archive == "" {
		return
	}
	l.task(func(ctx context.Context) message {
		mapped, err := l.Engine.Mapped(ctx, g.Name())
		if err != nil {
			return nil // it has ended, which others report
		}
		taken := slices.Contains(mapped, g.Start.Archive)
		if !taken {
			l.sharing.reject(ctx, g.Start.Archive)
		}
		return archiveSeen{g.Name(), taken}
	})
}

// handleArchiveSeen notes it, and says so where the archive is of no use.
func (l *loop) handleArchiveSeen(m archiveSeen) {
	if l.live.Name() != m.name {
		return
	}
	next, start := *l.live, *l.live.Start
	start.Taken = &m.taken
	next.Start, l.live = &start, &next
	if !m.taken {
		l.say(Event{Kind: Warning, Service: l.name, Generation: m.name,
			Reason: "its JVM has not taken classes from the archive, which is removed: another one is made"})
	}
}
