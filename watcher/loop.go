package watcher

import (
	"context"
	"reflect"
	"slices"
	"time"
)

// loop owns the states of all services and both sources. It does one thing at a
// time and makes no call that can hang; what does runs apart, is given values,
// and answers with a message.
type loop struct {
	options  Options
	ledger   *ledger
	notifier *notifier
	poller   *poller
	tasks    []*task
	calls    *calls
	emit     func(Event) // set by run
	limited  bool        // some service is polled because of a limit of inotify

	moved   chan string // by the sources: a path that may have moved, "" for any
	changes chan change
}

// task is a service and what is done for it now.
type task struct {
	*state
	call    *call     // a look or a copy; nil: none
	checkAt time.Time // when to see whether it makes progress
	awaited bool      // Changed was reported, and nothing that follows it
}

// change asks for other services to be watched.
type change struct {
	services []Service
	matchers map[string]matcher
	done     chan struct{} // closed when it is so
}

func newLoop(o Options, services []Service, matchers map[string]matcher) *loop {
	l := &loop{
		ledger:  &ledger{asks: make(chan struct{}, 1)},
		options: o, poller: newPoller(o.Poll), calls: newCalls(),
		moved: make(chan string), changes: make(chan change),
	}
	l.notifier = newNotifier(l.moved)
	l.ledger.reconfigure(services)
	for _, s := range services {
		l.tasks = append(l.tasks, &task{state: newState(s, matchers[s.Name], o, time.Time{})})
	}
	return l
}

// run watches until ctx ends. The error names the services for which a call
// still hangs.
func (l *loop) run(ctx context.Context, emit func(context.Context, Event)) error {
	l.emit = func(e Event) {
		if ctx.Err() == nil {
			emit(ctx, e)
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		if next := l.advance(ctx, time.Now()); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case path := <-l.moved:
			l.mayHaveMoved(path)
		case a := <-l.calls.answers:
			l.calls.answered(a)
		case <-l.ledger.asks:
			l.ask()
		case c := <-l.changes:
			l.reconfigure(c)
		}
	}
	return l.end()
}

// advance starts what is due, and gives when something is next.
func (l *loop) advance(ctx context.Context, now time.Time) (next time.Time) {
	moved, rounds := l.poller.due(now)
	for _, r := range rounds {
		l.calls.start(ctx, r.services, func(ctx context.Context, _ func()) func() {
			took := r.check(ctx, l.say)
			return func() { l.poller.finished(r, took) }
		})
	}
	for _, t := range l.tasks {
		t.moved = t.moved || slices.Contains(moved, t.service.Name)
		if t.call == nil && !now.Before(t.next()) {
			l.look(ctx, t, now)
		}
		if t.call != nil {
			next = earlier(next, l.watchCall(t, now))
		} else {
			next = earlier(next, t.next())
		}
	}
	return earlier(next, l.poller.next())
}

// say says that a path may have moved. It is called apart from the loop.
func (l *loop) say(path string) {
	select {
	case l.moved <- path:
	case <-l.calls.ended:
	}
}

// mayHaveMoved takes in that a path may have moved.
func (l *loop) mayHaveMoved(path string) {
	for _, t := range l.tasks {
		t.moved = t.moved || concerns(path, t.place.dir)
	}
}

// ask takes in who has asked.
func (l *loop) ask() {
	for _, t := range l.tasks {
		if l.ledger.asked(t.service.Name) {
			t.asked, t.moved = true, true
		}
	}
}

// look begins a look.
func (l *loop) look(ctx context.Context, t *task, now time.Time) {
	folder, was := t.folder, t.begin(now)
	if l.options.Mode != Poll && !was.spare {
		l.notifier.start()
	}
	was.add = l.notifier.add
	t.checkAt = now.Add(l.options.hanging)
	t.call = l.calls.start(ctx, []string{t.service.Name}, func(call context.Context, beat func()) func() {
		v, err := folder.look(call, was, beat)
		return func() { l.looked(ctx, t, v, err) }
	})
}

// copy begins a copy.
func (l *loop) copy(ctx context.Context, t *task, w wish, now time.Time) {
	folder := t.folder
	t.checkAt = now.Add(l.options.hanging)
	t.call = l.calls.start(ctx, []string{t.service.Name}, func(call context.Context, beat func()) func() {
		reserve := func(id string) { l.ledger.reserve(call, folder.service.Name, id) }
		f, err := folder.copy(call, w, reserve, beat)
		return func() { l.copied(ctx, t, w, f, err) }
	})
}

// watchCall takes note when a look or a copy makes no progress, and gives when
// to do so again.
func (l *loop) watchCall(t *task, now time.Time) (next time.Time) {
	if now.Before(t.checkAt) {
		return t.checkAt
	}
	if !t.call.progress() {
		t.hung(now)
		l.follow(t, now)
	}
	t.checkAt = now.Add(l.options.hanging)
	return t.checkAt
}

// copied takes in what a copy came to.
func (l *loop) copied(ctx context.Context, t *task, w wish, f found, err error) {
	now := time.Now()
	t.call = nil
	t.copied(now, w, f, err)
	if slices.ContainsFunc(t.out, func(e Event) bool { return e.Kind == Ready && e.Set.Reading != nil }) {
		l.read(ctx, t, f)
	}
	l.follow(t, now)
}

// read begins to read a set to its end. A newer one does not stop it, for the
// deploy of this one may go on.
func (l *loop) read(ctx context.Context, t *task, f found) {
	folder, before := t.folder, t.sound
	l.calls.start(ctx, []string{t.service.Name}, func(call context.Context, beat func()) func() {
		err := folder.readSet(call, f.set, before, beat)
		f.end(err)
		return func() {
			now := time.Now()
			t.read(now, f.set, err)
			if slices.Contains(l.tasks, t) { // else who has taken its place looks anew
				l.follow(t, now)
			}
		}
	})
}

// looked takes in what a look came to.
func (l *loop) looked(ctx context.Context, t *task, v view, err error) {
	now := time.Now()
	t.call = nil
	if w := t.looked(now, v, err); w != nil {
		l.copy(ctx, t, *w, now)
	}
	if t.changed.After(l.poller.changed) {
		l.poller.changed = t.changed
	}
	l.follow(t, now)
}

// follow does what a state wants to be done.
func (l *loop) follow(t *task, now time.Time) {
	l.limits()
	l.poller.set(t.service.Name, t.watch, now)
	events := t.out
	t.out = nil
	for _, e := range events {
		t.awaited = e.Kind == Changed || e.Kind == Unsound || t.awaited && (e.Kind == Degraded || e.Kind == Restored)
		if e.Kind == Ready {
			l.ledger.reported(e.Set)
		}
		l.emit(e)
	}
}

// limits reports when a limit of inotify has the first service polled, or the
// last one no more.
func (l *loop) limits() {
	i := slices.IndexFunc(l.tasks, func(t *task) bool { return t.limited != nil })
	if limited := i >= 0; limited != l.limited {
		l.limited = limited
		if limited {
			l.emit(Event{Kind: Degraded, Reason: l.tasks[i].limited.Error() + "; polling until then"})
		} else {
			l.emit(Event{Kind: Restored})
		}
	}
}

// reconfigure drops services that have changed or gone, and takes up new ones.
func (l *loop) reconfigure(c change) {
	before := make(map[string]*task)
	for _, t := range l.tasks {
		before[t.service.Name] = t
	}
	l.ledger.reconfigure(c.services)
	l.tasks = nil
	now := time.Now()
	for _, s := range c.services {
		old := before[s.Name]
		if old != nil && reflect.DeepEqual(old.service, s) {
			delete(before, s.Name)
			l.tasks = append(l.tasks, old)
			continue
		}
		t := &task{state: newState(s, c.matchers[s.Name], l.options, now)}
		t.asked = old != nil && (old.owed || old.asked) // whoever asked still waits
		l.tasks = append(l.tasks, t)
	}
	for name, t := range before {
		l.poller.set(name, nil, now)
		if t.call != nil {
			t.call.drop()
		}
		if t.awaited {
			l.emit(Event{Kind: Missing, Service: name})
		}
	}
	l.limits()
	close(c.done)
}

// end waits a little for the calls under way.
func (l *loop) end() error {
	l.calls.start(context.Background(), nil, func(context.Context, func()) func() {
		l.notifier.close() // can wait for a call that hangs
		return nil
	})
	return l.calls.end(l.moved)
}
