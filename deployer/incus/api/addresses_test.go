package api

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// secure is a member that answers by https.
func secure(t *testing.T, handle http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(handle)
	t.Cleanup(s.Close)
	return s
}

func ofMembers(t *testing.T, s *httptest.Server, file string) *Client {
	t.Helper()
	c, err := New(Options{Address: s.URL, TLS: &tls.Config{InsecureSkipVerify: true}, Others: file}) // #nosec G402 -- httptest's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestAnotherMemberIsAskedWhereTheOneOfTheConfigurationIsGone has a cluster of two, whose
// second is known from the first, by this client or by one before it.
func TestAnotherMemberIsAskedWhereTheOneOfTheConfigurationIsGone(t *testing.T) {
	var asked atomic.Int64
	second := secure(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		reply(w, "sync", []Instance{{Name: "a"}})
	})
	var first *httptest.Server
	first = secure(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, "sync", []Member{{Name: "m1", URL: first.URL}, {Name: "m2", URL: second.URL}, {Name: "m3", URL: "https://"}})
	})
	file := filepath.Join(t.TempDir(), "members")
	c := ofMembers(t, first, file)
	if _, err := c.Members(t.Context()); err != nil || asked.Load() > 0 {
		t.Fatalf("asked of the second: %d, %v", asked.Load(), err)
	}
	first.Close()
	for what, c := range map[string]*Client{"who has asked": c, "the next one": ofMembers(t, first, file)} {
		asked.Store(0)
		for n := range int64(2) {
			if all, err := c.Instances(t.Context()); err != nil || len(all) != 1 || asked.Load() != n+1 {
				t.Errorf("%s: %v, %v after %d", what, all, err, asked.Load())
			}
		}
	}
	if _, err := ofMembers(t, first, "").Instances(t.Context()); err == nil {
		t.Error("another one is asked, and nobody said so")
	}
}

// TestAMemberThatIsSilentIsLeft has one whose machine has gone: nothing says so.
func TestAMemberThatIsSilentIsLeft(t *testing.T) {
	second := secure(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, "sync", []Instance{{Name: "a"}}) })
	silent, err := net.Listen("tcp", "127.0.0.1:0") // whose queue is full
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	raw, err := silent.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	full(t, raw, silent.Addr().String())
	file := filepath.Join(t.TempDir(), "members")
	if err := os.WriteFile(file, []byte("no address\n"+strings.TrimPrefix(second.URL, "https://")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Address: "https://" + silent.Addr().String(), TLS: &tls.Config{InsecureSkipVerify: true}, Others: file}) // #nosec G402 -- as above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	began := time.Now()
	if all, err := c.Instances(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	if took := time.Since(began); took < reached || took >= alone {
		t.Errorf("it took %s", took)
	}
	if got := c.members.now.Load().all; !slices.Equal(got, []string{strings.TrimPrefix(second.URL, "https://"), silent.Addr().String()}) {
		t.Errorf("the first to be asked is of %v", got)
	}
}

// TestAMemberThatGivesNoAnswerIsLeft has one whose daemon hangs.
func TestAMemberThatGivesNoAnswerIsLeft(t *testing.T) {
	second := secure(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, "sync", []Instance{{Name: "a"}}) })
	first := secure(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	file := filepath.Join(t.TempDir(), "members")
	if err := os.WriteFile(file, []byte(strings.TrimPrefix(second.URL, "https://")), 0o600); err != nil {
		t.Fatal(err)
	}
	c := ofMembers(t, first, file)
	c.quick = 2 * time.Second
	for n := range 3 {
		began := time.Now()
		if all, err := c.Instances(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("%v, %v", all, err)
		}
		if took := time.Since(began); n > 0 && took >= c.quick {
			t.Errorf("call %d took %s", n+1, took)
		}
	}
}

// TestMembersAreAskedBesideOneThatDoesNotAnswer has a cluster whose leader is lost: the one
// that is asked is silent, and another one leaves the first who asks waiting.
func TestMembersAreAskedBesideOneThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	first := secure(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	second := secure(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/1.0/cluster/members" && asked.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		reply(w, "sync", []Member{{Name: "m2", Status: Online}})
	})
	file := filepath.Join(t.TempDir(), "members")
	if err := os.WriteFile(file, []byte(strings.TrimPrefix(second.URL, "https://")), 0o600); err != nil {
		t.Fatal(err)
	}
	c := ofMembers(t, first, file)
	began := time.Now()
	if all, err := c.Members(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	if took, most := time.Since(began), 4*beside; took > most {
		t.Errorf("it took %s, not %s", took, most)
	}
	began = time.Now()
	if all, err := c.Instances(t.Context()); err != nil || len(all) != 1 || time.Since(began) > beside {
		t.Errorf("the next call: %v, %v after %s", all, err, time.Since(began))
	}
}

// TestMembersAreNotAskedOnWhereAllHaveRefused has each answer at once.
func TestMembersAreNotAskedOnWhereAllHaveRefused(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	no := func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		refuse(w, http.StatusForbidden, "not authorized")
	}
	first, second := secure(t, no), secure(t, no)
	file := filepath.Join(t.TempDir(), "members")
	if err := os.WriteFile(file, []byte(strings.TrimPrefix(second.URL, "https://")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ofMembers(t, first, file).Members(t.Context()); !IsForbidden(err) || asked.Load() != 2 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}

// full has a listener take no connection any more.
func full(t *testing.T, raw syscall.RawConn, address string) {
	t.Helper()
	if err := raw.Control(func(fd uintptr) { _ = unix.Listen(int(fd), 0) }); err != nil { // it holds one
		t.Fatal(err)
	}
	for {
		conn, err := net.DialTimeout("tcp", address, 500*time.Millisecond)
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() })
	}
}
