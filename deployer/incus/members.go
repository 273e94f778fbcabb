package incus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

const (
	// heardEvery is how often the cluster is asked which members it hears from, by all
	// that wait together, and hangs after what time a call that has no answer has it asked
	// just as often.
	heardEvery = 5 * time.Second
	hangs      = time.Second
	asked      = 20 * time.Second // how long it has for an answer
	// silent is after what time without an answer the cluster may not have heard from
	// members that run, since it had no quorum, and settled how long it then has to hear
	// from them.
	silent  = 10 * time.Second
	settled = 15 * time.Second
)

// looks are the calls that look at all that there is.
type looks interface {
	Members(ctx context.Context) ([]api.Member, error)
	Instances(ctx context.Context) ([]api.Instance, error)
	Volumes(ctx context.Context, pool string) ([]api.Volume, error)
}

// members knows which members the cluster does not hear from, and which instances these
// hold.
type members struct {
	in    looks
	pool  string
	where sync.Map // sighting, by the full name of an instance
	now   atomic.Pointer[heard]
	first atomic.Int64 // when it was asked first, in ns of the clock
	asks  singleflight.Group
}

// heard is what the cluster has said.
type heard struct {
	at      time.Time
	since   time.Time // it answers; zero: as long as it is asked
	offline []string
	volumes []string // names of them, where a member is offline
}

// about is the instance that a call is about.
type about struct {
	name, full string
	head       string // the name of the volume that its service has where it has data
}

// awayError says that the cluster does not hear from the member of an instance. One with
// data comes back with its member, and nowhere else; of another its end is said.
type awayError struct {
	name, member string
	bound        bool
}

func (e *awayError) Error() string {
	return fmt.Sprintf("%s %s", e.name, e.how())
}

func (e *awayError) how() string {
	return fmt.Sprintf("is on the member %s, which the cluster does not hear from", e.member)
}

// exit is the end of the service, where it can be said; nil also of no error.
func (e *awayError) exit() *deployer.ExitError {
	if e == nil || e.bound {
		return nil
	}
	return &deployer.ExitError{How: e.how(), Stopped: true, Gone: true, Away: true}
}

// Is has what could not be done there be tried again, elsewhere if it can.
func (e *awayError) Is(target error) bool {
	return target == deployer.ErrLate || target == deployer.ErrAway || target == deployer.ErrStopped && !e.bound
}

// sighting is where an instance was seen last.
type sighting struct {
	member string
	seen   time.Time
}

// saw notes where instances are.
func (m *members) saw(all ...api.Instance) {
	now := time.Now()
	for _, i := range all {
		m.where.Store(i.Name, sighting{i.Location, now})
	}
}

// ask gives what the cluster said at most so long ago; where it cannot be asked, nil.
func (m *members) ask(ctx context.Context, age time.Duration) *heard {
	if h := m.now.Load(); h != nil && time.Since(h.at) < age {
		return h
	}
	said := m.asks.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), asked)
		defer cancel()
		h, err := m.look(ctx)
		if err == nil {
			m.now.Store(h)
		}
		return h, err
	})
	select {
	case r := <-said:
		if r.Err == nil {
			return r.Val.(*heard)
		}
	case <-ctx.Done():
	}
	return nil
}

func (m *members) look(ctx context.Context) (*heard, error) {
	m.first.CompareAndSwap(0, time.Now().UnixNano())
	all, err := m.in.Members(ctx)
	if err != nil {
		return nil, err
	}
	h := &heard{at: time.Now()}
	if m.now.Load() == nil && h.at.Sub(time.Unix(0, m.first.Load())) > silent {
		h.since = h.at
	}
	if before := m.now.Load(); before != nil {
		h.since = before.since
		if h.at.Sub(before.at) > silent {
			h.since = h.at
		}
	}
	for _, one := range all {
		if one.Status == api.Offline && h.at.Sub(h.since) >= settled {
			h.offline = append(h.offline, one.Name)
		}
	}
	if len(h.offline) == 0 {
		return h, nil
	}
	volumes, err := m.in.Volumes(ctx, m.pool)
	for _, v := range volumes {
		h.volumes = append(h.volumes, v.Name)
	}
	return h, err
}

// away gives an error where an instance is on a member that the cluster does not hear
// from, nil where that is not so, or not known.
func (m *members) away(ctx context.Context, h *heard, a about) *awayError {
	if h == nil || len(h.offline) == 0 {
		return nil
	}
	found, known := m.where.Load(a.full)
	if !known {
		// Of one on such a member Incus says no more than its name and where it is.
		if _, err := m.instances(ctx); err != nil {
			return nil
		}
		if found, known = m.where.Load(a.full); !known {
			return nil
		}
	}
	member := found.(sighting).member
	if !slices.Contains(h.offline, member) {
		return nil
	}
	return &awayError{a.name, member, slices.Contains(h.volumes, a.head)}
}

// on ends with ctx, and with an awayError as its cause when the cluster does not hear from
// the member of an instance any more: calls that go there would have no answer for long.
// The caller cancels it.
func (m *members) on(ctx context.Context, a about, every time.Duration) (context.Context, context.CancelFunc) {
	return m.unless(ctx, every, func(ctx context.Context, h *heard) error {
		if err := m.away(ctx, h, a); err != nil {
			return err
		}
		return nil
	})
}

// unless ends with ctx, and when lost gives an error of what the cluster says, which is its
// cause then.
func (m *members) unless(ctx context.Context, every time.Duration, lost func(context.Context, *heard) error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	look := func(h *heard) {
		if h == nil {
			return
		}
		if err := lost(ctx, h); err != nil {
			cancel(err)
		}
	}
	if h := m.now.Load(); h != nil && time.Since(h.at) < heardEvery {
		look(h)
	}
	go func() {
		for deployer.Pause(ctx, every) == nil {
			look(m.ask(ctx, every/2))
		}
	}()
	return ctx, func() { cancel(nil) }
}

// instances gives all that the client may see. What is known of others is forgotten.
func (m *members) instances(ctx context.Context) ([]api.Instance, error) {
	began := time.Now()
	all, err := anew(ctx, m, m.in.Instances)
	if err != nil {
		return nil, err
	}
	m.saw(all...)
	m.where.Range(func(name, at any) bool {
		if at.(sighting).seen.Before(began) {
			m.where.Delete(name)
		}
		return true
	})
	return all, nil
}

// errAnew says that another member is known to be away than when a look began.
var errAnew = errors.New("a member is away")

// anew looks at all members, and does so again where the cluster has given up one
// meanwhile that keeps the look waiting.
func anew[T any](ctx context.Context, m *members, look func(context.Context) (T, error)) (T, error) {
	for {
		var before []string
		if h := m.now.Load(); h != nil {
			before = h.offline
		}
		looking, cancel := m.unless(ctx, hangs, func(_ context.Context, h *heard) error {
			if slices.ContainsFunc(h.offline, func(name string) bool { return !slices.Contains(before, name) }) {
				return errAnew
			}
			return nil
		})
		found, err := look(looking)
		lost := errors.Is(context.Cause(looking), errAnew)
		cancel()
		if err == nil || !lost || context.Cause(ctx) != nil {
			return found, err
		}
	}
}
