package incus

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// heardEvery is how often the cluster is asked which members it hears from, by all that
// wait for the end of a service together.
const heardEvery = 5 * time.Second

// heard are the members that were offline when the cluster was asked.
type heard struct {
	at      time.Time
	offline []string
}

// offlineMembers gives those that the cluster does not hear from; none where it cannot
// be asked.
func (e *Engine) offlineMembers(ctx context.Context) []string {
	if h := e.heard.Load(); h != nil && time.Since(h.at) < heardEvery/2 {
		return h.offline
	}
	found, _, _ := e.acts.Do("members", func() (any, error) {
		h := &heard{at: time.Now()}
		members, err := e.Client.Members(ctx)
		for _, m := range members {
			if err == nil && m.Status == api.Offline {
				h.offline = append(h.offline, m.Name)
			}
		}
		e.heard.Store(h)
		return h, nil
	})
	return found.(*heard).offline
}

// offline is the end of an instance by that of its member: nil while the cluster still
// hears from that, and where it cannot be asked. One with data comes back with its
// member, and nowhere else.
func (e *Engine) offline(ctx context.Context, name string) *deployer.ExitError {
	service, _, ok := parseName(name)
	away := e.offlineMembers(ctx)
	if !ok || len(away) == 0 {
		return nil
	}
	all, err := e.Client.Instances(ctx)
	if err != nil {
		return nil
	}
	for _, i := range all {
		// Incus says no more of it than its name and where it is.
		if i.Name != e.full(name) || !slices.Contains(away, i.Location) {
			continue
		}
		if has, err := e.hasData(ctx, service); has || err != nil {
			return nil
		}
		how := fmt.Sprintf("is on the member %s, which the cluster does not hear from", i.Location)
		return &deployer.ExitError{How: how, Stopped: true, Gone: true}
	}
	return nil
}

// hasData says whether a service has data on any member.
func (e *Engine) hasData(ctx context.Context, service string) (bool, error) {
	all, err := e.Client.Volumes(ctx, e.Pool)
	return slices.ContainsFunc(all, func(v api.Volume) bool { return v.Name == e.head(service) }), err
}

// whileOnline ends with its context, and when the cluster has given up the member that an
// instance is on: a connection to there says nothing for minutes. The caller cancels it.
func (e *Engine) whileOnline(ctx context.Context, name string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for deployer.Pause(ctx, heardEvery) == nil {
			if e.offline(ctx, name) != nil {
				cancel()
			}
		}
	}()
	return ctx, cancel
}
