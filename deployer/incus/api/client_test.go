package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// fake is a server that notes what is asked of it.
type fake struct {
	mu    sync.Mutex
	calls []string
}

func (f *fake) note(r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
}

func (f *fake) count(call string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == call {
			n++
		}
	}
	return n
}

// newClient gives a client of a server on a unix socket.
func newClient(t *testing.T, handle http.HandlerFunc) (*Client, *fake) {
	t.Helper()
	f := &fake{}
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.note(r)
		handle(w, r)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	c, err := New(Options{Address: "unix:" + socket, Project: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, f
}

func reply(w http.ResponseWriter, kind string, metadata any) {
	_ = json.NewEncoder(w).Encode(map[string]any{"type": kind, "metadata": metadata}) // who asked may be gone
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	fail(w, status, text)
}

// fail is an error in an answer that has begun, with the status 200 of HTTP.
func fail(w http.ResponseWriter, status int, text string) {
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": status, "error": text}) // as above
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestAnAddressIsASocketOrAMember(t *testing.T) {
	for _, address := range []string{"", "10.0.0.1:8443", "http://m1:8443", "https://", "https://m1:8443/1.0"} {
		if _, err := New(Options{Address: address}); err == nil || !strings.Contains(err.Error(), "https://member:8443") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"unix:/srv/unix.socket", "https://m1:8443", "https://[::1]:8443/"} {
		if _, err := New(Options{Address: address}); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestWhatIncusSaysIsTold(t *testing.T) {
	c, f := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("project") != "anna" {
			t.Errorf("%s is about no project", r.URL)
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/none"):
			refuse(w, http.StatusNotFound, "Instance not found")
		case strings.HasSuffix(r.URL.Path, "/broken"):
			w.WriteHeader(http.StatusBadGateway)
		case strings.HasSuffix(r.URL.Path, "/text"):
			fmt.Fprint(w, "<html>")
		default:
			reply(w, "sync", []string{"another shape"})
		}
	})
	for name, want := range map[string]string{
		"none": "Instance not found", "broken": "502 Bad Gateway", "text": "no JSON", "shape": "another answer than expected",
	} {
		_, _, err := c.Instance(t.Context(), name)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "GET /1.0/instances/"+name) {
			t.Errorf("%s: %v", name, err)
		}
		if IsNotFound(err) != (name == "none") {
			t.Errorf("%s is said to be there or not: %v", name, err)
		}
		if n := f.count("GET /1.0/instances/" + name); n != 1 {
			t.Errorf("%s was asked for %d times, and had answered", name, n)
		}
	}
}

func TestOnlyWhatReadsIsAskedAgainWhenItsConnectionIsCut(t *testing.T) {
	c, f := newClient(t, func(w http.ResponseWriter, _ *http.Request) { cut(w) })
	if _, _, err := c.Instance(t.Context(), "a"); err == nil {
		t.Error("an answer came")
	}
	if n := f.count("GET /1.0/instances/a"); n < tries {
		t.Errorf("it was asked for %d times", n)
	}
	if err := c.SetConfig(t.Context(), "a", "", nil); err == nil {
		t.Error("an answer came")
	}
	if n := f.count("PATCH /1.0/instances/a"); n != 1 {
		t.Errorf("it was changed %d times", n)
	}
}

func TestAnAnswerAfterACutConnectionCounts(t *testing.T) {
	var once sync.Once
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		first := false
		once.Do(func() { first = true })
		if first {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"type":`) // and no more
			return
		}
		w.Header().Set("ETag", "e1")
		reply(w, "sync", Instance{Name: "a", Status: "Running"})
	})
	i, etag, err := c.Instance(t.Context(), "a")
	if err != nil || i.Name != "a" || !i.Running() || etag != "e1" {
		t.Errorf("%+v, %q, %v", i, etag, err)
	}
}

func TestWhatGotNoAnswerIsAskedAgainIfItOnlyLooks(t *testing.T) {
	var asked atomic.Int64
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is seen
			<-r.Context().Done()
			return
		}
		reply(w, "sync", Instance{Name: "a"})
	})
	c.quick = 100 * time.Millisecond
	if i, _, err := c.Instance(t.Context(), "a"); err != nil || i.Name != "a" {
		t.Errorf("%+v, %v", i, err)
	}
	asked.Store(0)
	if err := c.SetConfig(t.Context(), "a", "", nil); err == nil || asked.Load() != 1 {
		t.Errorf("what changes something was asked %d times, %v", asked.Load(), err)
	}
}

func TestACallEndsInTimeAndWithItsContext(t *testing.T) {
	c, _ := newClient(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is seen
		<-r.Context().Done()
	})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(cause) })
	if _, err := c.Instances(ctx); !errors.Is(err, cause) {
		t.Errorf("it ended with %v", err)
	}
	c.quick = 20 * time.Millisecond
	for _, one := range []struct {
		call   func() error
		within string
	}{
		{func() error { _, err := c.Instances(t.Context()); return err }, "20ms"},
		{func() error { return c.SetConfig(t.Context(), "a", "", nil) }, "60ms"}, // which is not tried again
		{func() error { return c.SetState(t.Context(), "a", "start", false, 0) }, "60ms"},
	} {
		if err := one.call(); err == nil || !strings.Contains(err.Error(), "no answer within "+one.within) {
			t.Errorf("it ended with %v", err)
		}
	}
}

func TestAChangeOfWhatHasChangedIsErrChanged(t *testing.T) {
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Match") != "e1" {
			refuse(w, http.StatusPreconditionFailed, "Precondition failed")
			return
		}
		reply(w, "sync", nil)
	})
	if err := c.SetConfig(t.Context(), "a", "e1", nil); err != nil {
		t.Error(err)
	}
	if err := c.SetConfig(t.Context(), "a", "e0", nil); !errors.Is(err, ErrChanged) {
		t.Errorf("it is %v", err)
	}
}

func TestAMemberKnowsTheClientByItsCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			refuse(w, http.StatusForbidden, "not authorized")
			return
		}
		reply(w, "sync", []Member{{Name: "m1", Status: "Online"}})
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	with := func(config *tls.Config) ([]Member, error) {
		c, err := New(Options{Address: server.URL, TLS: config})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.Members(t.Context())
	}
	all, err := with(&tls.Config{RootCAs: roots, Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12})
	if err != nil || len(all) != 1 || all[0].Name != "m1" {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := with(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}); err == nil || !strings.Contains(err.Error(), "not authorized") {
		t.Errorf("without a certificate: %v", err)
	}
	if _, err := with(&tls.Config{MinVersion: tls.VersionTLS12}); err == nil {
		t.Error("a server that nobody knows was believed")
	}
}

// TestWhatIsTriedAgainLater has answers as Incus 6.0 gives them.
func TestWhatIsTriedAgainLater(t *testing.T) {
	for _, test := range []struct {
		status    int
		text      string
		closed    bool
		forbidden bool
	}{
		{http.StatusServiceUnavailable, "Failed to begin transaction: failed to create cowsql connection: no available cowsql leader server found", true, false},
		{http.StatusInternalServerError, "context deadline exceeded", true, false},
		{http.StatusInternalServerError, "Server isn't ready yet", true, false},
		{http.StatusForbidden, "not authorized", true, true},
		{http.StatusForbidden, `User does not have permission for project "anna"`, false, true},
		{http.StatusInternalServerError, `User does not have permissions for project "anna"`, false, true},
		{http.StatusInternalServerError, "no space left", false, false},
		{http.StatusNotFound, "Instance not found", false, false},
	} {
		c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, test.status, test.text) })
		_, err := c.Instances(t.Context())
		if got := errors.Is(err, deployer.ErrLate); got != test.closed || errors.Is(err, deployer.ErrAway) != got || IsForbidden(err) != test.forbidden {
			t.Errorf("%d %s: tried again %v, forbidden %v", test.status, test.text, got, IsForbidden(err))
		}
	}
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) { cut(w) })
	if err := c.SetConfig(t.Context(), "a", "", nil); !errors.Is(err, deployer.ErrLate) || !errors.Is(err, deployer.ErrAway) {
		t.Errorf("without an answer it is %v", err)
	}
	late, _ := newClient(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	late.quick = 10 * time.Millisecond
	if _, err := late.Instances(t.Context()); !errors.Is(err, deployer.ErrLate) {
		t.Errorf("when none comes in time it is %v", err)
	}
}
