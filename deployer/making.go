package deployer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/jarloop/jarloop/watcher"
)

// making is a generation that is being made live: what the steps of a deploy,
// and their undos, do with it. It belongs to one goroutine.
type making struct {
	*shop
	service Service
	g       *Generation  // as it is now
	made    bool         // an instance of that name may be ours
	set     watcher.Set  // that is installed
	command Command      // that runs it
	starts  startMemory  // how it can be started fast, as far as that is known
	learned *startMemory // what is known by now; nil: nothing new
	fast    *fast        // how it is started; nil: as its command says
}

// learn notes that more is known.
func (m *making) learn(do func(*startMemory)) {
	do(&m.starts)
	next := m.starts
	m.learned = &next
}

// enter brings the generation into a phase, by its record.
func (m *making) enter(ctx context.Context, p Phase) error {
	next := m.g.in(p)
	if err := m.record(ctx, next); err != nil {
		return err
	}
	m.g = next
	return nil
}

// reserve takes a name that nobody has or had, and an address.
func (m *making) reserve(ctx context.Context) error {
	last, err := m.Engine.LastNumber(ctx, m.g.Service)
	if err != nil {
		return err
	}
	m.g.Number = max(m.g.Number, last+1)
	prefix, err := m.Pool.Lease(ctx, m.g.Name())
	if err != nil {
		return err
	}
	if prefix.IsValid() {
		m.g.Address, m.g.Prefix = prefix.Addr(), prefix.Bits()
	}
	m.g.VIP, err = m.routing.vip(ctx, m.g.Service)
	return err
}

// release gives the address back that nobody has.
func (m *making) release(context.Context) error {
	if !m.made {
		m.Pool.Release(m.g.Name())
	}
	return nil
}

// clone makes the instance, with its record.
func (m *making) clone(ctx context.Context) error {
	text, err := m.g.record()
	if err != nil {
		return err
	}
	spec := Spec{Name: m.g.Name(), Base: m.g.Base, Record: text, Data: m.service.Data, Memory: m.service.Memory, CPUs: m.service.CPUs}
	if m.g.Prefix > 0 {
		spec.Address = netip.PrefixFrom(m.g.Address, m.g.Prefix)
	}
	err = m.Engine.Create(ctx, spec)
	if m.made = !errors.Is(err, ErrExists); !m.made {
		return fmt.Errorf("%s is somebody else's: deploy again (%w)", m.g.Name(), err)
	}
	return err
}

// boot starts the instance.
func (m *making) boot(ctx context.Context) error {
	addr, err := m.Engine.Start(ctx, m.g.Name())
	if err != nil || addr == m.g.Address {
		return err
	}
	next := *m.g
	next.Address = addr
	m.g = &next
	return m.Pool.Hold(m.g.Name(), addr)
}

// join makes the generation one of those whose names are kept true.
func (m *making) join(ctx context.Context) error {
	if err := m.routing.join(ctx, m.g); err != nil {
		return err
	}
	return m.enter(ctx, Standby)
}

func (m *making) before(ctx context.Context, j job) error {
	return m.Hook(ctx, hookOf("before_deploy", m.service.Before, m.service, m.g, j.serving, j.set.ID))
}

// await waits for the services that this one needs.
func (m *making) await(ctx context.Context, waiting func([]string)) error {
	waits := false
	err := m.routing.await(ctx, m.service, func(missing []string) {
		waiting(missing)
		waits = true
	})
	if waits {
		waiting(nil)
	}
	return err
}

func (m *making) launch(ctx context.Context) error {
	if err := m.routing.launched(ctx, m.g.Name()); err != nil {
		return err
	}
	return m.Engine.Launch(ctx, m.g.Name())
}

// promote makes it live, with the others of its build where they go together, but for
// one of which nothing is live.
func (m *making) promote(ctx context.Context, together bool) error {
	next, err := m.batch.promote(ctx, m.g, together && m.routing.current(m.g.Service) != nil)
	if err != nil {
		return err
	}
	m.g = next
	return nil
}

// abandon ends the service of a generation that has failed or was given up: its
// processes are asked first. What failed by itself is kept; not so one that is made
// again by itself: what failed is another, or the machine, and it would take the
// room that it lacked.
func (m *making) abandon(ctx context.Context, why error) error {
	if m.routing.drifted(m.g.Service) {
		return nil // callers may still come
	}
	if err := m.Engine.Quit(ctx, m.g.Name(), m.service.StopTimeout); err != nil {
		if exit := (*ExitError)(nil); !errors.As(err, &exit) && !errors.Is(err, ErrStopped) {
			m.warn(m.g.Service, "end the service of "+m.g.Name(), err)
		}
		return nil // it is stopped with its container
	}
	if !m.KeepFailed || givenUp(why) || isOpen(why) {
		return nil
	}
	kept, err := m.keep(ctx, m.g)
	if err != nil {
		m.warn(m.g.Service, m.g.Name()+" is not kept", err)
		return nil
	}
	m.g = kept
	return nil
}

// remove removes what is neither kept nor somebody else's.
func (m *making) remove(ctx context.Context) error {
	if m.g.Phase == KeptFailure || !m.made {
		return nil
	}
	if err := m.discard(ctx, m.g, m.service.StopTimeout); err != nil {
		return fmt.Errorf("remove %s: %w", m.g.Name(), err)
	}
	return nil
}
