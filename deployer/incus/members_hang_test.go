package incus

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestCallsToAMemberThatIsGoneAreCutOnceItsClusterSaysSo has a member that takes calls and
// answers none, as one whose network is gone: the cluster itself waits for it.
func TestCallsToAMemberThatIsGoneAreCutOnceItsClusterSaysSo(t *testing.T) {
	const most = 6 * time.Second // a call that is waited for takes 20 s and more
	for what, c := range map[string]struct {
		call func(ctx context.Context, e *Engine) error
		so   func(err error) bool
	}{
		"whether its service runs": {
			func(_ context.Context, e *Engine) error { return e.Check("web-1") },
			func(err error) bool {
				exit, is := errors.AsType[*deployer.ExitError](err)
				return is && exit.Gone
			},
		},
		"the end of its service": {
			func(ctx context.Context, e *Engine) error { return e.Wait(ctx, "web-1") },
			func(err error) bool {
				exit, is := errors.AsType[*deployer.ExitError](err)
				return is && exit.Gone
			},
		},
		"a command": {func(ctx context.Context, e *Engine) error {
			_, err := e.Run(ctx, "web-1", []string{"true"})
			return err
		}, ended},
		"its start":      {func(ctx context.Context, e *Engine) error { _, err := e.Start(ctx, "web-1"); return err }, ended},
		"its record":     {func(ctx context.Context, e *Engine) error { return e.SetRecord(ctx, "web-1", nil) }, ended},
		"its removal":    {func(ctx context.Context, e *Engine) error { return e.Remove(ctx, "web-1") }, ended},
		"its last words": {func(_ context.Context, e *Engine) error { e.Tail("web-1"); return nil }, func(err error) bool { return err == nil }},
		"one that is made there": {
			func(ctx context.Context, e *Engine) error {
				return e.Create(ctx, deployer.Spec{Name: "web-2", Base: "base"})
			},
			func(err error) bool { return ended(err) && errors.Is(err, deployer.ErrLate) }, // and so it is tried again
		},
		"all": {
			func(ctx context.Context, e *Engine) error { _, err := e.List(ctx); return err },
			func(err error) bool { return err == nil },
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			gone := func() bool { return asked.Load() > 2 } // by which something hangs
			e := engineOf(t, func(w http.ResponseWriter, r *http.Request) {
				var answer any
				switch {
				case r.URL.Path == "/1.0/cluster/members":
					asked.Add(1)
					answer = []api.Member{{Name: "m2", Status: "Online"}, {Name: "m3", Status: map[bool]string{true: api.Offline, false: "Online"}[gone()]}}
				case strings.HasPrefix(r.URL.Path, "/1.0/storage-pools/fast/volumes"):
					answer = []api.Volume{}
				case r.URL.Path == "/1.0/instances" && r.Method == http.MethodGet && (gone() || what != "all"):
					answer = []api.Instance{{Name: "anna-web-1", Location: "m3", Status: "Error"}, {Name: "base", Location: "m3"}}
				case r.URL.Path == "/1.0/instances/anna-web-2":
					w.WriteHeader(http.StatusNotFound)
					return
				case strings.HasSuffix(r.URL.Path, "/resources"): // not every certificate may look
					w.WriteHeader(http.StatusForbidden)
					return
				default:
					<-r.Context().Done()
					return
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"type": "sync", "metadata": answer}) // who asked may be gone
			})
			began := time.Now()
			if err := c.call(t.Context(), e); !c.so(err) {
				t.Errorf("it is %v", err)
			}
			if took := time.Since(began); took > most {
				t.Errorf("it took %s", took)
			}
			// From then on nobody waits.
			began = time.Now()
			_ = c.call(t.Context(), e) // as before
			if took := time.Since(began); took > most/2 {
				t.Errorf("when it is known, it took %s", took)
			}
		})
	}
}

func ended(err error) bool { return errors.Is(err, deployer.ErrStopped) }

// TestWhatCannotBeEndedIsLeftAtOnce has a cluster without a quorum: a stop would go on until
// its time is over.
func TestWhatCannotBeEndedIsLeftAtOnce(t *testing.T) {
	e := engineOf(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	began := time.Now()
	if err := e.Stop(t.Context(), "web-1", 30*time.Second); !errors.Is(err, deployer.ErrAway) {
		t.Errorf("it is %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
