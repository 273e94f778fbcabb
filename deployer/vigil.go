package deployer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/guest"
)

// restartsPerMinute bounds how often an ended service is started again.
const restartsPerMinute = 10

// watch tells the lane when the live generation's service ends.
func (l *lane) watch(ctx context.Context, g *Generation) {
	l.background.Go(func() {
		look, end := l.d.notices.of(guest.ExitReport(g.reports))
		defer end()
		for l.current() == g { // not the wiring's, which may go back
			if l.d.alive(g) != nil {
				select {
				case l.died <- g:
				case <-ctx.Done():
				}
				return
			}
			select {
			case <-look:
			case <-ctx.Done():
				return
			}
		}
	})
}

// mourn does what can be done about a live generation whose service has
// ended: the generation before takes over where it is still kept, else the
// service is started again. One whose container somebody has removed is given up.
func (l *lane) mourn(ctx context.Context, g *Generation) {
	if l.current() != g {
		return
	}
	reason := l.d.alive(g)
	if reason == nil { // it has come back meanwhile, by somebody's hand
		l.watch(ctx, g)
		return
	}
	l.d.tell(Event{
		Kind: Died, Service: l.s.Name, Generation: g.Name(), Set: g.Set,
		Reason: oneLine(reason), Tail: g.lastWords(),
	})
	if old := l.reprieve(); old != nil {
		l.goBack(ctx, g, old, reason)
		return
	}
	if _, err := os.Lstat(l.d.Machine.Folder(g.Name())); errors.Is(err, fs.ErrNotExist) {
		l.forsake(ctx, g)
		return
	}
	l.restart(ctx, g)
}

// forsake gives up the live generation, of which nothing is left.
func (l *lane) forsake(ctx context.Context, g *Generation) {
	if err := l.d.wiring.set(context.WithoutCancel(ctx), map[string]*Generation{l.s.Name: nil}); err != nil {
		l.d.warn(l.s.Name, "what led to "+g.Name(), err)
		l.restart(ctx, g) // which fails, and leads here again
		return
	}
	l.mu.Lock()
	l.live, l.newest = nil, Newest{}
	l.mu.Unlock()
	l.d.drop(context.WithoutCancel(ctx), g)
	if l.d.Lost != nil {
		l.d.Lost(l.s.Name)
	}
}

// reprieve takes the newest generation that drains and still runs out of the
// drain, or gives nil.
func (l *lane) reprieve() *Generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	var newest *Generation
	for g := range l.draining {
		if l.d.alive(g) == nil && (newest == nil || g.Number > newest.Number) {
			newest = g
		}
	}
	if newest != nil {
		cancel := l.draining[newest]
		delete(l.draining, newest)
		cancel()
	}
	return newest
}

// goBack makes old live again in place of g, whose service has ended.
func (l *lane) goBack(ctx context.Context, g, old *Generation, reason error) {
	if err := l.d.demote(ctx, l.s, g, old); err != nil {
		l.d.warn(l.s.Name, "cannot go back to "+old.Name(), err)
		l.retire(ctx, old)
		l.restart(ctx, g)
		return
	}
	l.mu.Lock()
	l.live, l.restarted = old, 0
	l.newest = Newest{Set: g.Set, State: Broken, Reason: oneLine(reason) + " after it had gone live"}
	l.mu.Unlock()
	l.d.tell(Event{Kind: Back, Service: l.s.Name, Generation: old.Name(), Set: old.Set, Reason: g.Name() + ": " + oneLine(reason)})
	l.watch(ctx, old)
	ctx = context.WithoutCancel(ctx)
	if l.d.keep(ctx, g) {
		return
	}
	l.d.drop(ctx, g)
}

// restart starts the ended service of g again, unless that has been done too
// often.
func (l *lane) restart(ctx context.Context, g *Generation) {
	l.mu.Lock()
	l.restarts = slices.DeleteFunc(l.restarts, func(t time.Time) bool { return time.Since(t) >= time.Minute })
	often := len(l.restarts)
	l.restarts = append(l.restarts, time.Now())
	l.mu.Unlock()
	wait := time.Duration(0)
	if often > 0 {
		wait = time.Minute / restartsPerMinute
	}
	l.background.Go(func() {
		if pause(ctx, wait) != nil || l.current() != g {
			return
		}
		if err := l.d.again(ctx, l.s, g); err != nil {
			l.d.warn(l.s.Name, "cannot start "+g.Name()+" again", err)
		} else {
			l.mu.Lock()
			l.restarted++
			l.mu.Unlock()
			l.d.tell(Event{Kind: Restarted, Service: l.s.Name, Generation: g.Name(), Set: g.Set,
				Reason: fmt.Sprintf("start %d within a minute", often+1)})
		}
		l.watch(ctx, g)
	})
}

// again starts the service of a generation that has ended, and its container
// where that has ended too. An agent that is killed meanwhile leaves the report
// of its end, by another name at least.
func (d *Deployer) again(ctx context.Context, s Service, g *Generation) error {
	kind, err := d.Machine.Init(ctx, g.Base)
	if err != nil {
		return err
	}
	if err := setAside(g.reports); err != nil {
		return err
	}
	if d.lost(g) {
		err = d.revive(ctx, s, g) // its unit starts with it
	} else {
		err = d.runUnit(ctx, g, kind)
	}
	if err != nil { // else it would be taken for one that runs
		return errors.Join(err, putBack(g.reports))
	}
	return os.RemoveAll(asideOf(g.reports))
}

// asideOf is where a report of how a service has ended is while it is started
// again.
func asideOf(reports string) string { return guest.ExitReport(reports) + ".before" }

// setAside takes the report away, if there is one.
func setAside(reports string) error {
	if _, err := os.Lstat(guest.ExitReport(reports)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	// The guest can put there what it likes.
	if err := os.RemoveAll(asideOf(reports)); err != nil {
		return err
	}
	return os.Rename(guest.ExitReport(reports), asideOf(reports))
}

// putBack undoes setAside where a start was cut off: whether the service runs by
// now is not known, and starting one that does is no error.
func putBack(reports string) error {
	err := unix.Renameat2(unix.AT_FDCWD, asideOf(reports), unix.AT_FDCWD, guest.ExitReport(reports), unix.RENAME_NOREPLACE)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
