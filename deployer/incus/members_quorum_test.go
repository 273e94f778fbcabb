package incus

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// quorum is a cluster of two members that has none for a time.
type quorum struct {
	online, away atomic.Bool // m3, and the cluster
}

func (q *quorum) Members(context.Context) ([]api.Member, error) {
	if q.away.Load() {
		return nil, errors.New("no quorum")
	}
	return []api.Member{{Name: "m1", Status: "Online"}, {Name: "m3", Status: map[bool]string{true: "Online", false: api.Offline}[q.online.Load()]}}, nil
}

func (q *quorum) Instances(context.Context) ([]api.Instance, error) {
	return []api.Instance{{Name: "anna-web-1", Location: "m3"}}, nil
}

func (q *quorum) Volumes(context.Context, string) ([]api.Volume, error) { return nil, nil }

// TestAClusterThatHasItsQuorumBackHasTimeToHearFromItsMembers: until then it says of those
// that run that they are offline, since nobody could note that they were heard from.
func TestAClusterThatHasItsQuorumBackHasTimeToHearFromItsMembers(t *testing.T) {
	for name, c := range map[string]struct {
		without time.Duration // quorum
		heard   time.Duration // when m3 is, after it is back; 0: never
		away    time.Duration // when it is given up; 0: never
		young   bool          // nobody has asked it before
	}{
		"it had one all the time":   {0, 0, heardEvery, false},
		"it chose another leader":   {silent / 2, 0, heardEvery, false},
		"all members are back":      {time.Minute, settled - heardEvery, 0, false},
		"nobody has asked before":   {time.Minute, settled - heardEvery, 0, true},
		"one of them does not come": {time.Minute, 0, settled, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &quorum{}
				q.online.Store(true)
				m := &members{in: q, pool: "fast"}
				ctx, cancel := m.on(t.Context(), about{name: "web-1", full: "anna-web-1"}, heardEvery)
				defer cancel()
				if !c.young {
					time.Sleep(2*heardEvery + time.Second)
				}
				q.away.Store(true)
				time.Sleep(c.without)
				q.away.Store(false)
				q.online.Store(false)
				back := time.Now()
				if c.heard > 0 {
					time.AfterFunc(c.heard, func() { q.online.Store(true) })
				}
				time.AfterFunc(2*time.Minute, cancel)
				<-ctx.Done()
				took, lost := time.Since(back), (*awayError)(nil)
				if given := errors.As(context.Cause(ctx), &lost); given != (c.away > 0) {
					t.Fatalf("after %s: %v", took, context.Cause(ctx))
				}
				if c.away > 0 && (took < c.away-heardEvery || took > c.away+heardEvery) {
					t.Errorf("it is given up after %s, not %s", took, c.away)
				}
			})
		})
	}
}
