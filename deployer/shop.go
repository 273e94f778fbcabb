package deployer

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/jarloop/jarloop/deployer/crash"
)

// shop is what the loops of all services work with. Each part of it has one
// owner of its own, so that nothing here needs a lock.
type shop struct {
	Options
	routing    *routing
	batch      *batch
	background *background
	archives   *background // one archive at a time
	sharing    *sharing
}

// repairEvery is how often names and ports are compared with what they should
// be, and what could not be done before is tried again.
const repairEvery = 4 * time.Second

func (s *shop) tell(e Event) {
	if s.Tell != nil {
		s.Tell(e)
	}
}

func (s *shop) warn(service, what string, err error) {
	s.tell(Event{Kind: Warning, Service: service, Reason: what + ": " + err.Error()})
}

// record writes the record of a generation, as it is, with its instance.
func (s *shop) record(ctx context.Context, g *Generation) error {
	defer crash.Point("record " + string(g.Phase))()
	text, err := g.record()
	if err != nil {
		return err
	}
	return s.Engine.SetRecord(ctx, g.Name(), text)
}

// noted is record for what is so already, whether it can be written or not.
func (s *shop) noted(ctx context.Context, g *Generation) *Generation {
	if err := s.record(ctx, g); err != nil {
		s.warn(g.Service, "record of "+g.Name()+" not written", err)
	}
	return g
}

// moved gives a generation that has got another address, by DHCP, with its next
// boot.
func (s *shop) moved(ctx context.Context, g *Generation, addr netip.Addr) *Generation {
	next := *g
	next.Address = addr
	if err := s.Pool.Hold(g.Name(), addr); err != nil {
		s.warn(g.Service, g.Name()+" may not be reached", err)
	}
	return s.noted(ctx, &next)
}

// errMayLead is why a generation is not removed while routes have drifted.
var errMayLead = errors.New("names and ports may still lead there")

// discard removes a generation: container, address, record, all but what it
// printed. Its processes are asked to end first and have grace for that. It is
// safe at any point of the generation's life, and again.
func (s *shop) discard(ctx context.Context, g *Generation, grace time.Duration) error {
	if s.routing.drifted(g.Service) {
		return errMayLead
	}
	s.routing.leave(ctx, g.Name())
	err := s.Engine.Stop(ctx, g.Name(), grace)
	s.forget(g) // not before, lest nobody hears that a connection ends
	g.output.finish()
	if err == nil {
		err = s.Engine.Remove(ctx, g.Name())
	}
	if err != nil {
		return err
	}
	s.sharing.release(g.Name())
	// Only now: while the instance is there, so is its address.
	s.Pool.Release(g.Name())
	return nil
}

// hasEnded says whether the container of that name does not run.
func (s *shop) hasEnded(name string) bool {
	exit := (*ExitError)(nil)
	return errors.As(s.Engine.Check(name), &exit) && exit.Stopped
}

// forget makes the kernel forget the connections to g. If it does not, some
// callers wait for an answer that never comes.
func (s *shop) forget(g *Generation) {
	if !g.Address.IsValid() {
		return
	}
	if err := s.Router.Forget(g.Address); err != nil {
		s.warn(g.Service, "connections to "+g.Name(), err)
	}
}

// keep keeps a generation that has failed and whose service has ended: its
// container runs on, as it is, and nothing leads there.
func (s *shop) keep(ctx context.Context, g *Generation) (*Generation, error) {
	defer crash.Point("keep")()
	s.routing.leave(ctx, g.Name())
	kept := g.in(KeptFailure)
	kept.Ordinal = s.routing.ordinal(g.Service)
	if err := s.record(ctx, kept); err != nil {
		return nil, err
	}
	s.forget(g)
	g.output.finish()
	return kept, nil
}

// follow brings what the generation prints to Output.
func (s *shop) follow(service Service, g *Generation) *follower {
	ctx, cancel := context.WithCancel(context.Background()) // finish ends it
	f := &follower{cancel: cancel, done: make(chan struct{})}
	o := FollowOptions{Files: service.Logs, Keep: s.KeepLogs}
	pattern := service.Health.pattern()
	go func() {
		defer close(f.done)
		err := s.Engine.Follow(ctx, g.Name(), o, func(l Line) {
			l.Service, l.Generation = g.Service, g.Name()
			if pattern != nil && !f.matched.Load() && pattern.MatchString(l.Text) {
				f.matched.Store(true)
			}
			if s.Output != nil {
				s.Output(l)
			}
		})
		if err != nil {
			s.warn(g.Service, "output of "+g.Name()+" cannot be followed", err)
		}
	}()
	return f
}
