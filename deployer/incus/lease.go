package incus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// ErrHeld says that another agent works for the owner.
var ErrHeld = errors.New("another agent works for this owner")

const (
	// beatEvery is how often who has a lease says that it is there, and lapsed after
	// what time without a word another agent may have it.
	beatEvery = 10 * time.Second
	lapsed    = 3 * beatEvery

	keyHolder = "user.jarloop.holder"
	keyBeat   = "user.jarloop.beat" // another value each time; clocks are not compared
)

// profiles are where leases are: one for each owner, that no instance has.
type profiles interface {
	Profile(ctx context.Context, name string) (api.Profile, string, error)
	CreateProfile(ctx context.Context, p api.Profile) error
	ReplaceProfile(ctx context.Context, p api.Profile, etag string) error
	DeleteProfile(ctx context.Context, name string) error
}

// Lease is the right to be the agent of an owner, which one machine in the whole cluster
// has: two would take each other's instances for their own.
type Lease struct {
	in     profiles
	owner  string
	holder string
	etag   string
}

// Lease takes the right for an agent that is called holder, which no agent of another
// machine is. Where another has it and does not beat, that is waited for until it has
// lapsed, and said; else the error is ErrHeld. What is taken is kept by Keep.
func (e *Engine) Lease(ctx context.Context, holder string, say func(string)) (*Lease, error) {
	l := &Lease{in: e.Client, owner: e.Owner, holder: holder}
	if err := l.take(ctx, say); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Lease) take(ctx context.Context, say func(string)) error {
	var first api.Profile
	var since time.Time
	for {
		p, etag, err := l.in.Profile(ctx, l.name())
		if api.IsNotFound(err) {
			if err = l.in.CreateProfile(ctx, l.profile()); err == nil || api.IsTaken(err) {
				continue // to see whose it is
			}
		}
		if err != nil {
			return fmt.Errorf("take the lease of %s: %w", l.owner, err)
		}
		now := p.Config[keyHolder]
		switch {
		case now == l.holder || !since.IsZero() && time.Since(since) >= lapsed:
			if err := l.renew(ctx, etag); !errors.Is(err, api.ErrChanged) {
				return err
			}
		case since.IsZero():
			first, since = p, time.Now()
			say(fmt.Sprintf("%s worked for %s last: waits up to %s to see whether it still does", now, l.owner, lapsed))
		case now != first.Config[keyHolder] || p.Config[keyBeat] != first.Config[keyBeat]:
			return l.lost(now)
		}
		if err := deployer.Pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// Keep keeps the lease until ctx has ended. It is lost, which is ErrHeld, where this
// agent was away for so long that another has taken it. Where the cluster cannot be asked,
// nobody else can have it either: away is called with why, and with nil when it can again.
func (l *Lease) Keep(ctx context.Context, away func(error)) error {
	var was error
	for deployer.Pause(ctx, beatEvery) == nil {
		err := l.beat(ctx)
		if errors.Is(err, ErrHeld) {
			return err
		}
		if ctx.Err() == nil && (err == nil) != (was == nil) {
			away(err)
			was = err
		}
	}
	return nil
}

// beat says once that the agent is there.
func (l *Lease) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, beatEvery, late("the lease is not renewed", beatEvery))
	defer cancel()
	err := l.renew(ctx, l.etag)
	if !errors.Is(err, api.ErrChanged) && !api.IsNotFound(err) {
		return err
	}
	p, etag, err := l.in.Profile(ctx, l.name())
	switch {
	case api.IsNotFound(err): // somebody removed it
		return l.in.CreateProfile(ctx, l.profile()) // the next beat sees what came of it
	case err == nil && p.Config[keyHolder] == l.holder:
		l.etag = etag // the answer to an earlier one was lost
	case err == nil:
		return l.lost(p.Config[keyHolder])
	}
	return err
}

// Release gives the lease back, if it is this agent's.
func (l *Lease) Release(ctx context.Context) error {
	p, _, err := l.in.Profile(ctx, l.name())
	if err == nil && p.Config[keyHolder] == l.holder {
		err = l.in.DeleteProfile(ctx, l.name())
	}
	if err != nil && !api.IsNotFound(err) {
		return fmt.Errorf("give the lease of %s back: %w", l.owner, err)
	}
	return nil
}

// renew writes another beat, if nobody has written since the ETag was read.
func (l *Lease) renew(ctx context.Context, etag string) error {
	if err := l.in.ReplaceProfile(ctx, l.profile(), etag); err != nil {
		return err
	}
	p, etag, err := l.in.Profile(ctx, l.name())
	if err != nil {
		return err
	}
	// Incus compares the ETag and then writes: of two at one moment, the last has it.
	if p.Config[keyHolder] != l.holder {
		return api.ErrChanged
	}
	l.etag = etag
	return nil
}

func (l *Lease) name() string { return "jarloop-" + l.owner }

func (l *Lease) profile() api.Profile {
	return api.Profile{
		Name: l.name(), Description: "the agent of " + l.owner + " is on " + l.holder,
		Config: map[string]string{keyHolder: l.holder, keyBeat: time.Now().Format(time.RFC3339Nano)},
	}
}

// lost says who has the lease. What follows the name of its machine is its ID.
func (l *Lease) lost(holder string) error {
	machine, _, _ := strings.Cut(holder, " ")
	return fmt.Errorf("%w: the one on %s works for %s; stop it there, or give this one an owner of its own (engine.owner)", ErrHeld, machine, l.owner)
}
