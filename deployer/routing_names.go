package deployer

import (
	"context"
	"errors"
)

// join has the names of a running instance kept true from now on.
func (r *routing) join(ctx context.Context, g *Generation) (err error) {
	undone := r.do(ctx, func() {
		if r.joined[g.Name()] == nil {
			r.joined[g.Name()] = &joined{service: g.Service, reloads: r.live[g.Service].Name() == g.Name()}
		}
		r.joined[g.Name()].address = g.Address
		err = r.apply(ctx)
	})
	return errors.Join(err, undone)
}

// leave takes an instance out, before it is stopped.
func (r *routing) leave(ctx context.Context, name string) {
	_ = r.do(ctx, func() { delete(r.joined, name) }) // who has no time any more stops nothing
}

// launched says that the service of an instance is about to read its names.
func (r *routing) launched(ctx context.Context, name string) error {
	return r.setStale(ctx, name, false)
}

// untold says that the service of an instance has not read its names after all. It
// only notes that, so a caller whose time is over may call it too.
func (r *routing) untold(ctx context.Context, name string) error {
	return r.setStale(ctx, name, true)
}

func (r *routing) setStale(ctx context.Context, name string, stale bool) error {
	return r.do(ctx, func() {
		if j := r.joined[name]; j != nil {
			j.stale = stale
		}
	})
}

// reload is a service that is to be told that its names have changed.
type reload struct {
	instance string
	command  string
}

// stale gives the services that are to be told.
func (r *routing) stale(ctx context.Context) (all []reload, err error) {
	err = r.do(ctx, func() {
		for instance, j := range r.joined {
			switch command := r.services[j.service].ReloadCommand; {
			case !j.stale || !j.reloads:
			case command == "":
				j.stale = false
			default:
				all = append(all, reload{instance, command})
			}
		}
	})
	return all, err
}
