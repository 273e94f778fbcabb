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
	// Between attempts is a pause that doubles.
	archivePause     = 30 * time.Second
	archivePauseMost = time.Hour
)

// makeArchive makes the archive of the classes of what is live where there is none: one
// at a time, when no deploy is under way. A deploy that comes meanwhile hardly notices:
// nothing else runs at a lower priority.
func (l *loop) makeArchive() {
	if l.archive.busy || l.live == nil || l.down != nil || l.live.Start == nil || l.live.Start.Wants == nil || l.service.Plain || l.gone ||
		l.attempt != nil || time.Now().Before(l.archive.next) {
		return
	}
	g := l.live
	l.archive.busy = true
	l.task(func(ctx context.Context) message {
		made, err := l.produceArchive(ctx, g)
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
	wants := *g.Start.Wants
	if l.sharing.has(ctx, wants.Name) { // another service has the same libraries, or another agent has made it
		return nil, l.sharing.collect(ctx)
	}
	if free, err := l.Available(); err == nil && free < l.Reserve+archiveMemory/4 {
		return nil, errShort
	}
	list, err := l.Engine.ReadFile(ctx, g.Name(), classList)
	if err != nil {
		return nil, err
	}
	list = list[:bytes.LastIndexByte(list, '\n')+1] // the last line may be half written
	listed := classesOf(wants.Name)
	if err := l.Engine.Share(ctx, listed, func(w io.Writer) error { _, err := w.Write(list); return err }); err != nil {
		return nil, err
	}
	defer func() { _ = l.Engine.Unshare(context.WithoutCancel(ctx), listed) }() // else the next agent does
	wants.Beside, wants.Needs = g.Name(), append(slices.Clone(g.Start.Libraries), listed)
	made, err := l.sharing.produce(ctx, wants)
	if err != nil {
		return nil, err
	}
	return &made, l.sharing.collect(ctx)
}

// handleArchiveMade takes up what has become of it.
func (l *loop) handleArchiveMade(m archiveMade) {
	a := &l.archive
	a.busy = false
	switch {
	case m.err == nil:
		a.pause, a.next, a.told = 0, time.Time{}, false
		if m.made != nil {
			l.say(Event{Kind: Archived, Service: l.name, Generation: m.g.Name(), Took: m.made.Took, Reason: fmt.Sprintf(
				"the classes of its libraries are in an archive of %d MiB (%.1f s of processor): what starts from now on is faster",
				m.made.Bytes>>20, m.made.CPU.Seconds())})
		}
		if l.live.Name() == m.g.Name() {
			next, start := *l.live, *l.live.Start
			start.Wants = nil
			next.Start, l.live = &start, &next
		}
	case l.over() || errors.Is(m.err, context.Canceled) || l.live.Name() != m.g.Name(): // what is live now has its own
	default:
		a.pause = min(max(archivePause, 2*a.pause), archivePauseMost)
		a.next = time.Now().Add(a.pause)
		if !a.told && !errors.Is(m.err, errShort) {
			a.told = true
			l.sayWarning(fmt.Sprintf("no archive of the classes of %s yet; it is tried again", m.g.Name()), m.err)
		}
	}
}
