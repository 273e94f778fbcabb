package deployer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/guest"
)

func TestHealthIsWaitedForUntilItsTimeIsOver(t *testing.T) {
	for _, c := range []struct {
		name   string
		after  time.Duration // until it is healthy
		silent bool          // it does not even answer that it is not
		want   string        // the error
	}{
		{"at once", 0, false, ""},
		{"just before", time.Minute - 20*time.Millisecond, false, ""},
		{"just after", time.Minute + 20*time.Millisecond, false, "not healthy within 1m0s: GET /: 500 Internal Server Error"},
		{"never", time.Hour, false, "not healthy within 1m0s: GET /: 500 Internal Server Error"},
		{"one that takes the question and says nothing", time.Hour, true, "not healthy within 1m0s: GET /: no answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, d := newSystem(t)
				defer finishOutput(d)
				began := time.Now()
				d.Probe = func(ctx context.Context, _, _ string) error {
					switch {
					case time.Since(began) >= c.after:
						return nil
					case c.silent:
						wait, cancel := context.WithTimeout(ctx, probeTimeout)
						defer cancel()
						<-wait.Done()
						return errors.New("GET /: no answer")
					}
					return errors.New("GET /: 500 Internal Server Error")
				}
				_, err := put(t.Context(), d, newSet(t, "person", "person-set-2"))
				live := "person-2"
				if c.want != "" {
					live = "person-1"
					if took := time.Since(began); took > time.Minute+time.Second {
						t.Errorf("it took %s", took)
					}
				}
				if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
					t.Errorf("the deploy said %v, want %q", err, c.want)
				}
				if got := d.wiring.current("person"); got.Name() != live || w.ports["person"] != got.target() {
					t.Errorf("%s is live, and the port leads to %s; want %s", got.Name(), w.ports["person"], live)
				}
			})
		})
	}
}

func TestProbe(t *testing.T) {
	quiet := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/well", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/ill", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/well", http.StatusFound) })
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 20 { // a gibibyte, if somebody takes it
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("to be continued"))
		w.(http.Flusher).Flush()
		<-quiet
	})
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2000 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 100))
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(quiet)
	address := server.Listener.Addr().String()
	for path, want := range map[string]string{
		"":           "",
		"/well":      "",
		"/ill":       "GET /ill: 503 Service Unavailable",
		"/elsewhere": `GET /elsewhere: 302 Found: redirects to "/well"`,
		"/huge":      "GET /huge: the answer is longer than 1048576 bytes",
		"/endless":   "context deadline exceeded",
		"/half":      "GET /half: unexpected EOF",
		"/headers":   "server response headers exceeded",
	} {
		t.Run("of "+path, func(t *testing.T) {
			if err := probe(t.Context(), address, path); err == nil != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	t.Run("of what speaks another language", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = bufio.NewReader(c).ReadString('\n')
			_, _ = c.Write([]byte("220 mail\r\n"))
		}()
		if err := probe(t.Context(), l.Addr().String(), "/"); err == nil || !strings.Contains(err.Error(), "malformed HTTP") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAServiceIsStartedAgainTenTimesAMinuteAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, d := newSystem(t)
		defer finishOutput(d)
		g, l := d.wiring.current("person"), d.lanes["person"]
		l.live = g
		ctx, cancel := context.WithCancel(t.Context())
		began, starts := time.Now(), 0
		for ; time.Since(began) < 5*time.Minute; starts++ {
			write(t, guest.ExitReport(g.reports))
			l.restart(ctx, g)
			for d.alive(g) != nil {
				time.Sleep(100 * time.Millisecond)
			}
		}
		cancel()
		l.background.Wait()
		if starts < 5*restartsPerMinute-1 || starts > 5*restartsPerMinute+1 {
			t.Errorf("started %d times in five minutes", starts)
		}
	})
}

// An agent that can open no file any more knows nothing of any service. None of
// them has ended for that.
func TestALackOfDescriptorsIsNotTakenForAnEnd(t *testing.T) {
	_, d := newSystem(t)
	finishOutput(d)
	g := d.wiring.current("person")
	err := withoutDescriptors(t, func() error { return d.alive(g) })
	if err != nil {
		t.Errorf("while no file could be opened: %v", err)
	}
	write(t, guest.ExitReport(g.reports))
	if d.alive(g) == nil {
		t.Error("its end is not seen at all")
	}
}

// withoutDescriptors calls do while no file can be opened.
func withoutDescriptors(t *testing.T, do func() error) error {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	_, open := os.Open("/")
	err := do()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(open, unix.EMFILE) {
		t.Fatalf("a file could be opened: %v", open)
	}
	return err
}

// finishOutput ends what follows the output of all generations.
func finishOutput(d *Deployer) {
	for g := range d.wiring.running {
		if g.finished != nil {
			g.finished()
		}
	}
}

// silent is a machine on whose bridge nobody gives out addresses.
type silent struct{ mortal }

func (silent) Lease(context.Context, string) (netip.Prefix, error) { return netip.Prefix{}, nil }

func (silent) Items(netip.Prefix) []string { return nil }

func (silent) Addresses(context.Context, string) ([]netip.Addr, error) { return nil, nil }

func TestAnAddressByDHCPIsNotWaitedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := newSystem(t)
		defer finishOutput(d)
		before, began := w.String(), time.Now()
		d.Machine, d.Network = silent{mortal{w}}, silent{mortal{w}}
		_, err := put(t.Context(), d, newSet(t, "person", "person-set-2"))
		if err == nil || !strings.Contains(err.Error(), "boot: wait for an address by DHCP: none has come within 30s") || time.Since(began) > time.Minute {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		if after := w.String(); after != before {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
}
