package deployer

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jarloop/jarloop/watcher"
)

// Deployer cares for every generation that there is, by a loop for each service.
type Deployer struct {
	*shop
	changes chan change
	loops   atomic.Pointer[[]*loop] // in the order of the services; of Run's to change
	leaving atomic.Pointer[[]*loop] // of services that have gone; of Run's to change
	drift   string                  // why routes are not right, as last told; of Run alone
}

// change asks Run to care for other services.
type change struct {
	services []Service
	publish  []Publish
	done     chan<- changed // has room for one
}

type changed struct {
	again []string
	err   error
}

// New makes a Deployer. Nothing is touched before Run.
func New(o Options) *Deployer {
	if o.Available == nil {
		o.Available = availableMemory
	}
	s := &shop{Options: o, routing: newRouting(o.Router), background: newBackground(), archives: newBackground(), sharing: newSharing(o.Engine, o.SharedLimit)}
	d := &Deployer{shop: s, changes: make(chan change)}
	s.batch = newBatch(o.Together, func(service string) { d.send(service, retryHeld{}) }, s.promote)
	loops := make([]*loop, 0, len(o.Services))
	for _, service := range o.Services {
		loops = append(loops, newLoop(s, service))
	}
	d.loops.Store(&loops)
	d.leave(nil)
	return d
}

// leave notes loops of services that have gone, and forgets those that have ended.
func (d *Deployer) leave(more []*loop) {
	all := slices.Clone(more)
	if before := d.leaving.Load(); before != nil {
		all = append(all, slices.DeleteFunc(slices.Clone(*before), (*loop).isOver)...)
	}
	d.leaving.Store(&all)
}

// serveLoop runs the loop of a service. When that has gone, its virtual IP goes.
func (d *Deployer) serveLoop(ctx context.Context, l *loop) {
	l.run(ctx)
	if ctx.Err() != nil {
		return
	}
	had, err := d.routing.dropVIP(ctx, l.name)
	for err != nil && Pause(ctx, repairEvery) == nil {
		had, err = d.routing.dropVIP(ctx, l.name)
	}
	if had && err == nil {
		d.Pool.Release(l.name)
	}
}

// send leaves a message to the loop of a service, and says whether there is one.
func (d *Deployer) send(service string, m message) bool {
	for _, l := range *d.loops.Load() {
		if l.name == service {
			return l.box.put(m)
		}
	}
	return false
}

// Names gives the names of all services, in their order.
func (d *Deployer) Names() []string {
	var names []string
	for _, l := range *d.loops.Load() {
		names = append(names, l.name)
	}
	return names
}

// Shown gives the status of every service, in their order, as their loops have
// published it: without what has to be measured.
func (d *Deployer) Shown() []*Status {
	var all []*Status
	for _, l := range *d.loops.Load() {
		all = append(all, l.shown.Load())
	}
	return all
}

// Status gives the status of every service, in their order.
func (d *Deployer) Status() []Status {
	ctx, cancel := context.WithTimeout(context.Background(), memoryWithin)
	defer cancel()
	shown := d.Shown()
	all := make([]Status, len(shown))
	var asked sync.WaitGroup
	for n, s := range shown {
		all[n] = *s
		if s.Generation != "" && s.State != "down" {
			asked.Go(func() { all[n].Memory, _ = d.Engine.Memory(ctx, s.Generation) }) // not known is an answer
		}
	}
	asked.Wait()
	return all
}

// memoryWithin is how long a status waits for what instances hold: it is asked for most where
// their engine does not answer.
const memoryWithin = 2 * time.Second

// Changed says that files of a service have changed and are awaited. One of the
// next three follows.
func (d *Deployer) Changed(service string) { d.send(service, filesChanged{}) }

// Artefacts says that a set is the newest of its service, and complete. It is
// deployed unless a person has decided otherwise, or it is live already.
func (d *Deployer) Artefacts(set watcher.Set) { d.send(set.Service, artefacts{set}) }

// Unsound says that a set which was said to be complete is not whole, and that its
// files are awaited. What becomes of it is given up.
func (d *Deployer) Unsound(set watcher.Set) { d.send(set.Service, unsound{set.ID}) }

// Refuse says that what there is cannot be deployed, and why; broken, that this
// is not the fault of the files.
func (d *Deployer) Refuse(service, reason string, broken bool) {
	d.send(service, refused{reason: reason, broken: broken})
}

// Miss says that what the command of a service runs is not there, and why.
func (d *Deployer) Miss(service, reason string) {
	d.send(service, refused{reason: reason, missing: true})
}

// Same says that what had changed is what was seen last; or refused last, and
// why.
func (d *Deployer) Same(service, refused string) { d.send(service, same{refused}) }

// Deploy has the newest artefacts of a service looked at and deployed, even what
// is live already or has failed. The channel receives one Result.
func (d *Deployer) Deploy(service string) <-chan Result {
	done := make(chan Result, 1)
	if !d.send(service, deployWish{done}) {
		done <- Result{Service: service, Err: errGone}
	}
	return done
}

// Rollback deploys the earlier set whose ID begins with prefix; none means the
// one that was live before. It stays until new bytes come. The channel receives
// one Result; a WishError says what is wrong with the wish.
func (d *Deployer) Rollback(service, prefix string) <-chan Result {
	done := make(chan Result, 1)
	if !d.send(service, rollbackWish{prefix, done}) {
		done <- Result{Service: service, Err: errGone}
	}
	return done
}

// Pause has new artefacts of a service wait, or lets them be deployed again. It
// stays so over restarts of the agent.
func (d *Deployer) Pause(ctx context.Context, service string, paused bool) error {
	return d.wish(ctx, service, func(done chan<- error) message { return pauseWish{paused, done} })
}

// Divert has names and ports of a service lead to a program outside of all
// containers, as to one in which a person looks for a fault; the zero address, to
// what is live again. Deploys go on meanwhile: what is built last serves at once
// when that is over. It stays so over restarts of the agent.
func (d *Deployer) Divert(ctx context.Context, service string, to netip.AddrPort) error {
	return d.wish(ctx, service, func(done chan<- error) message { return divertWish{to, done} })
}

// Restart ends what runs of a service, and starts what was live again.
func (d *Deployer) Restart(ctx context.Context, service string) error {
	return d.WhileDown(ctx, service, func(context.Context) error { return nil })
}

// WhileDown does something while no instance of a service runs: all of them are
// stopped, and what was live is started again after it, with an error too. A deploy
// that is under way ends first.
func (d *Deployer) WhileDown(ctx context.Context, service string, do func(context.Context) error) error {
	done := make(chan error, 1)
	if !d.send(service, outage{ctx, do, done}) {
		return errGone
	}
	// It has to be over: what is live may still be down.
	return <-done
}

// wish sends what a person wants to a service's loop, and waits for the answer.
func (d *Deployer) wish(ctx context.Context, service string, m func(done chan<- error) message) error {
	done := make(chan error, 1)
	if !d.send(service, m(done)) {
		return errGone
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
