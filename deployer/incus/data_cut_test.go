package incus_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/incus"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// cutter passes calls on to the cluster, until so many of them have changed something:
// then nobody answers any more, as when the agent is killed.
type cutter struct {
	left   atomic.Int64
	before bool // the last one is not passed on either
	dead   atomic.Bool
	kill   context.CancelFunc
	to     *httputil.ReverseProxy
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	last := r.Method != http.MethodGet && c.left.Add(-1) < 0
	if last {
		c.dead.Store(true)
	}
	if c.dead.Load() {
		if last && !c.before {
			c.to.ServeHTTP(&unheard{http.Header{}}, r)
		}
		c.kill()
		panic(http.ErrAbortHandler)
	}
	c.to.ServeHTTP(w, r)
}

// unheard takes an answer that nobody gets.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) Write(p []byte) (int, error) { return len(p), nil }
func (u *unheard) WriteHeader(int)             {}

// cut gives an engine whose calls end so, and the life of its agent.
func (b *bench) cut(t *testing.T, calls int, before bool) (context.Context, *incus.Engine, *cutter) {
	t.Helper()
	socket := strings.TrimPrefix(b.socket(t), "unix:")
	life, kill := context.WithCancel(t.Context())
	t.Cleanup(kill)
	c := &cutter{before: before, kill: kill, to: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "incus"}) },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}},
	}}
	c.left.Store(int64(calls))
	mine := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", mine)
	must(t, err)
	server := &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	client, err := api.New(api.Options{Address: "unix:" + mine})
	must(t, err)
	t.Cleanup(client.Close)
	e, err := incus.New(incus.Options{
		Client: client, Owner: b.owner, Logs: b.logs, Shared: b.shared, Program: b.program, Pool: "fast", Gateway: netip.MustParseAddr(gateway),
	})
	must(t, err)
	return life, e, c
}

// TestDataAreTheOldOrTheNewWhereverAnActIsCutOff ends each act at each of its calls,
// before it is made and after, and has the next agent go on.
func TestDataAreTheOldOrTheNewWhereverAnActIsCutOff(t *testing.T) {
	b := newBench(t)
	e := b.engine(t)
	ctx := t.Context()
	must(t, b.bootData(ctx, t, e, "web-1"))
	write := func(text string) { t.Helper(); must(t, e.WriteFile(ctx, "web-1", note, []byte(text), 0o644)) }
	is := func(want ...string) string {
		t.Helper()
		got := says(t, e, "web-1", note)
		if !slices.Contains(want, got) {
			t.Errorf("there is %q, want one of %q", got, want)
		}
		return got
	}
	for name, act := range map[string]func(life context.Context, t *testing.T, cut *incus.Engine) error{
		"save": func(life context.Context, t *testing.T, cut *incus.Engine) error {
			write("first")
			must(t, e.SaveData(ctx, "web"))
			write("second")
			err := cut.SaveData(life, "web")
			write("third")
			must(t, e.RestoreData(ctx, "web"))
			if got := is("first", "second"); err == nil && got != "second" {
				t.Error("it was saved, and is not what was restored")
			}
			return err
		},
		"restore": func(life context.Context, t *testing.T, cut *incus.Engine) error {
			write("first")
			must(t, e.SaveData(ctx, "web"))
			write("second")
			err := cut.RestoreData(life, "web")
			must(t, e.RestoreData(ctx, "web"))
			is("first")
			return err
		},
		"import": func(life context.Context, t *testing.T, cut *incus.Engine) error {
			write("first")
			archive := b.export(t, e)
			write("second")
			must(t, e.Stop(ctx, "web-1", 0))
			err := cut.ImportData(life, "web", archive)
			_, started := e.Start(ctx, "web-1")
			must(t, started)
			if got := is("first", "second"); err == nil && got != "first" {
				t.Error("it was imported, and is not what is there")
			}
			return err
		},
		"remove": func(life context.Context, t *testing.T, cut *incus.Engine) error {
			write("first")
			must(t, e.SaveData(ctx, "web"))
			must(t, e.Stop(ctx, "web-1", 0))
			err := cut.RemoveData(life, "web")
			_, started := e.Start(ctx, "web-1")
			must(t, started)
			if got := is("first", ""); err == nil && got != "" {
				t.Error("they were removed, and are there")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 0; ; n++ {
				whole := false
				for _, before := range []bool{true, false} {
					life, cut, c := b.cut(t, n, before)
					err := act(life, t, cut)
					if !c.dead.Load() {
						must(t, err)
						whole = true
					}
				}
				must(t, e.DropSavedData(ctx, "web"))
				if got := b.volumes(t, b.owner); len(got) != 2 { // a head and the data
					t.Errorf("cut off at call %d it leaves the volumes %q", n, got)
				}
				if whole {
					t.Logf("it makes %d calls that change something", n)
					return
				}
			}
		})
	}
}
