package deployer

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// replacement puts a generation in the place of one that has to end first, since
// their data allow one process at a time. Meanwhile what comes to the service is held.
type replacement struct {
	*making
	predecessor
	holds bool // a relay may have begun
}

// stopsFirst gives how the generation that is live now is replaced, where it has to
// end first; nil: both may run.
func (m *making) stopsFirst() *replacement {
	if old := m.routing.current(m.service.Name); m.service.Replace == StopFirst && old != nil {
		return &replacement{making: m, predecessor: predecessor{old: old}}
	}
	return nil
}

// quietEvery is between two looks at whether somebody awaits an answer, and quietFor
// how often none has to, for it to be so: a request may be under way to a connection
// that is just open. After freshTime there is no such one, since new ones are held, and
// connections that are kept open for one request after the other may leave no longer gap.
const (
	quietEvery = 10 * time.Millisecond
	quietFor   = 3
	freshTime  = time.Second
)

// holdMargin is for what has no bound of its own: saving and restoring the data.
const holdMargin = time.Minute

// hold has the connections that come from now on wait.
func (r *replacement) hold(ctx context.Context) error {
	if r.old.Port == 0 {
		return nil // nobody asks it anything
	}
	published, err := r.routing.published(ctx, r.service.Name)
	if err != nil {
		return err
	}
	limit := r.service.Drain + 2*(r.service.StopTimeout+r.service.Health.Timeout) + holdMargin
	r.holds = true
	at, err := r.Holder.Hold(ctx, Hold{Service: r.service.Name, VIP: r.old.VIP, Published: published, Limit: limit})
	if err != nil {
		return err
	}
	return r.routing.hold(ctx, r.service.Name, at)
}

// endHold passes what is held on to what is live now, and leads there what comes.
func (r *replacement) endHold(ctx context.Context) (err error) {
	if r.holds {
		r.held, err = r.shop.endHold(ctx, r.service.Name)
		r.left = err != nil
	}
	return err
}

// release is endHold of a deploy that has gone well, which nothing undoes any more.
func (r *replacement) release(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if err := errors.Join(r.endHold(ctx), r.Engine.DropSavedData(ctx, r.service.Name)); err != nil {
		r.warn(r.service.Name, "what was held of it", err)
	}
}

// endHold passes what is held of a service on to what is live, or says to those who
// wait that nothing is. Where routes cannot be changed yet it goes on passing on what
// comes.
func (s *shop) endHold(ctx context.Context, service string) (Held, error) {
	var to netip.AddrPort
	if g := s.routing.current(service); g != nil {
		to = g.target()
	}
	held, err := s.Holder.Release(ctx, service, to)
	if err != nil { // it was killed: those who waited have been cut off
		s.warn(service, "connections that were held", err)
	}
	if err := s.routing.unhold(ctx, service); err != nil {
		return held, err
	}
	return held, s.Holder.End(ctx, service)
}

// stop ends the service of what is live, when what it was asked is answered, as far
// as the time for that goes, and of what still finishes what it was doing. That this
// is no death the loop and its record know before.
func (r *replacement) stop(ctx context.Context, begins func(context.Context, string) (*Generation, []*Generation, error)) error {
	old, draining, err := begins(ctx, r.g.Name())
	if err != nil {
		return err
	}
	r.old = old
	// A copy that is there now is of an earlier deploy, and must never come back.
	if err := r.Engine.DropSavedData(ctx, r.service.Name); err != nil {
		return err
	}
	if err := r.record(ctx, r.old); err != nil {
		return err
	}
	if err := r.quiet(ctx); err != nil {
		return err
	}
	r.disconnect(ctx, r.service, r.old) // for who keeps a connection, what comes next is held
	for _, g := range append(draining, r.old) {
		if err := r.quit(ctx, g.Name(), r.service.StopTimeout); err != nil {
			return err
		}
	}
	return nil
}

// quiet waits until nobody awaits an answer, as long as drain allows. Connections that
// are kept open for later requests hold nothing up.
func (r *replacement) quiet(ctx context.Context) error {
	began := time.Now()
	for quiet := 0; quiet < quietFor && time.Since(began) < r.service.Drain && r.Engine.Check(r.old.Name()) == nil; quiet++ {
		asked := time.Now()
		_, busy, err := r.Engine.Connections(ctx, r.old.Name(), r.old.Port)
		if err != nil {
			return context.Cause(ctx) // where they cannot be counted it has ended
		}
		switch {
		case busy > 0:
			quiet = -1
		case time.Since(began) > freshTime:
			return nil
		}
		if err := Pause(ctx, max(quietEvery, time.Since(asked))); err != nil {
			return err
		}
	}
	return nil
}

// save copies the data as the old one has left them.
func (r *replacement) save(ctx context.Context) error {
	return r.Engine.SaveData(ctx, r.service.Name)
}

// goBack has the old one serve again, on its data as they were.
func (r *replacement) goBack(ctx context.Context) error {
	next, err := r.relaunch(ctx, r.old, r.service.StopTimeout)
	r.old = next
	if err == nil {
		err = r.serves(ctx, r.service, next)
	}
	if err != nil { // it is started again as one that has ended by itself
		r.warn(r.service.Name, r.old.Name()+" does not serve again yet", err)
	}
	return nil
}
