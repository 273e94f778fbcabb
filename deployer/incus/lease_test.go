package incus

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// cluster has one profile, and may be away.
type cluster struct {
	mu   sync.Mutex
	now  *api.Profile
	tag  int
	away error
	lose bool // the next answer to a change
}

func (c *cluster) etag() string { return strings.Repeat("x", c.tag) }

func (c *cluster) Profile(context.Context, string) (api.Profile, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.away != nil:
		return api.Profile{}, "", c.away
	case c.now == nil:
		return api.Profile{}, "", &api.Error{Status: http.StatusNotFound}
	}
	return *c.now, c.etag(), nil
}

func (c *cluster) CreateProfile(_ context.Context, p api.Profile) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away == nil && c.now != nil {
		return &api.Error{Status: http.StatusConflict}
	}
	if c.away == nil {
		c.now = &p
		c.tag++
	}
	return c.away
}

func (c *cluster) ReplaceProfile(_ context.Context, p api.Profile, etag string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.away != nil:
		return c.away
	case c.now == nil:
		return &api.Error{Status: http.StatusNotFound}
	case etag != c.etag():
		return &api.Error{Status: http.StatusPreconditionFailed}
	}
	c.now = &p
	c.tag++
	if c.lose {
		c.lose = false
		return errors.New("cut off")
	}
	return nil
}

func (c *cluster) DeleteProfile(context.Context, string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = nil
	return c.away
}

// agent takes the lease, and keeps it until it is killed.
type agent struct {
	*Lease
	kill context.CancelFunc
	over chan error
	away []error // what it was told
}

func (a *agent) noteAway(err error) { a.away = append(a.away, err) }

func (c *cluster) agent(t *testing.T, machine string) (*agent, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a := &agent{&Lease{in: c, owner: "anna", holder: machine}, cancel, make(chan error, 1), nil}
	if err := a.take(ctx, func(string) {}); err != nil {
		cancel()
		return a, err
	}
	go func() { a.over <- a.Keep(ctx, a.noteAway) }()
	t.Cleanup(cancel)
	return a, nil
}

func TestAnOwnerHasOneAgentInTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		first, err := c.agent(t, "m1 a1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.agent(t, "m2 b2"); !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), "on m1 works for anna") {
			t.Fatalf("while another works, it is %v", err)
		}
		began := time.Now()
		first.kill()
		if again, err := c.agent(t, "m1 a1"); err != nil || time.Since(began) > 0 {
			t.Errorf("the next one of the same machine waits %s, %v", time.Since(began), err)
		} else {
			again.kill()
		}
		second, err := c.agent(t, "m2 b2")
		if took := time.Since(began); err != nil || took < lapsed {
			t.Fatalf("after %s it is another's: %v", took, err)
		}
		if err := first.Release(t.Context()); err != nil || c.now == nil {
			t.Errorf("who has it no more gives it back: %v", err)
		}
		if err := second.Release(t.Context()); err != nil || c.now != nil {
			t.Errorf("it is still there: %v", err)
		}
		second.kill()
	})
}

func TestWhoWasAwayForLongLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		asleep := &Lease{in: c, owner: "anna", holder: "m1 a1"}
		if err := asleep.take(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		second, err := c.agent(t, "m2 b2")
		if err != nil {
			t.Fatal(err)
		}
		if err := asleep.Keep(t.Context(), func(error) {}); !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), "on m2 works") {
			t.Errorf("it goes on: %v", err)
		}
		select {
		case err := <-second.over:
			t.Errorf("the one that has it ends: %v", err)
		default:
		}
	})
}

// TestALeaseOutlivesWhatHappensToItsCluster has an agent that nobody is to take for away.
func TestALeaseOutlivesWhatHappensToItsCluster(t *testing.T) {
	for what, happens := range map[string]func(c *cluster){
		"the cluster is away for long": func(c *cluster) {
			c.mu.Lock()
			c.away = errors.New("no quorum")
			c.mu.Unlock()
			time.Sleep(10 * lapsed)
			c.mu.Lock()
			c.away = nil
			c.mu.Unlock()
		},
		"an answer is lost": func(c *cluster) {
			c.mu.Lock()
			c.lose = true
			c.mu.Unlock()
		},
		"somebody removes it": func(c *cluster) { _ = c.DeleteProfile(t.Context(), "") },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cluster{}
				a, err := c.agent(t, "m1 a1")
				if err != nil {
					t.Fatal(err)
				}
				happens(c)
				time.Sleep(3 * beatEvery)
				select {
				case err := <-a.over:
					t.Fatalf("it ends: %v", err)
				default:
				}
				if _, err := c.agent(t, "m2 b2"); !errors.Is(err, ErrHeld) {
					t.Errorf("it does not beat any more: %v", err)
				}
				if told := what == "the cluster is away for long"; told && (len(a.away) != 2 || a.away[0] == nil || a.away[1] != nil) || !told && a.away != nil && what != "an answer is lost" {
					t.Errorf("it says %v", a.away)
				}
			})
		})
	}
}
