package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const (
	begun  = 103
	done   = 200
	failed = 400
)

// operations answers for the operation op: its n-th wait by wait, and a look by look.
func operations(t *testing.T, wait func(n int64, w http.ResponseWriter), look func(w http.ResponseWriter)) (*Client, *fake) {
	var waits atomic.Int64
	return newClient(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/wait"):
			wait(waits.Add(1), w)
		case strings.HasPrefix(r.URL.Path, "/1.0/operations/") && r.Method == http.MethodGet:
			look(w)
		default:
			reply(w, "async", Operation{ID: "op", Code: begun})
		}
	})
}

func TestAnOperationIsWaitedForToItsEnd(t *testing.T) {
	c, f := operations(t, func(n int64, w http.ResponseWriter) {
		code := begun
		if n == 3 {
			code = done
		}
		reply(w, "sync", Operation{ID: "op", Code: code})
	}, nil)
	if err := c.DeleteInstance(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if n := f.count("DELETE /1.0/instances/a"); n != 1 {
		t.Errorf("it was begun %d times", n)
	}
}

func TestAnOperationThatFailsIsAnError(t *testing.T) {
	c, _ := operations(t, func(_ int64, w http.ResponseWriter) {
		reply(w, "sync", Operation{ID: "op", Code: failed, Error: "no space left"})
	}, nil)
	if err := c.DeleteInstance(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("it is %v", err)
	}
}

// TestAnOperationThatFailsWhileItIsWaitedForIsAnError has the answer begin before the
// operation has failed: its error comes with the status 200 of HTTP.
func TestAnOperationThatFailsWhileItIsWaitedForIsAnError(t *testing.T) {
	c, f := operations(t,
		func(_ int64, w http.ResponseWriter) {
			fail(w, http.StatusInternalServerError, "no space left")
		},
		func(w http.ResponseWriter) {
			reply(w, "sync", Operation{ID: "op", Code: failed, Error: "no space left"})
		})
	if err := c.DeleteInstance(t.Context(), "a"); err == nil || !strings.HasSuffix(err.Error(), "DELETE /1.0/instances/a: no space left") {
		t.Errorf("it is %v", err)
	}
	if n := f.count("GET /1.0/operations/op/wait"); n > tries {
		t.Errorf("it was waited for %d times", n)
	}
}

// TestAnOperationThatTakesLongIsWaitedForToItsEnd has each piece of the wait end as Incus ends
// it: by an error that comes with the status 200 of HTTP.
func TestAnOperationThatTakesLongIsWaitedForToItsEnd(t *testing.T) {
	t.Parallel()
	var looks atomic.Int64
	c, _ := operations(t,
		func(_ int64, w http.ResponseWriter) {
			fail(w, http.StatusInternalServerError, "context deadline exceeded")
		},
		func(w http.ResponseWriter) {
			code := begun
			if looks.Add(1) == missed+2 {
				code = done
			}
			reply(w, "sync", Operation{ID: "op", Code: code})
		})
	if err := c.DeleteInstance(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

// TestAnOperationThatCannotBeWaitedForIsLookedAt has a member without a connection for
// events to the one that was asked.
func TestAnOperationThatCannotBeWaitedForIsLookedAt(t *testing.T) {
	var looks atomic.Int64
	c, _ := operations(t,
		func(_ int64, w http.ResponseWriter) {
			refuse(w, http.StatusInternalServerError, "Missing event connection")
		},
		func(w http.ResponseWriter) {
			code := begun
			if looks.Add(1) == 3 {
				code = done
			}
			reply(w, "sync", Operation{ID: "op", Code: code})
		})
	if err := c.DeleteInstance(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

func TestAnOperationThatIsGoneIsNotWaitedFor(t *testing.T) {
	gone := func(w http.ResponseWriter) { refuse(w, http.StatusNotFound, "Operation not found") }
	c, f := operations(t, func(_ int64, w http.ResponseWriter) { gone(w) }, gone)
	if err := c.DeleteInstance(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "is not known") {
		t.Errorf("it is %v", err)
	}
	if n := f.count("GET /1.0/operations/op/wait"); n != 1 {
		t.Errorf("it was waited for %d times", n)
	}
}

// TestWhatCameOfAnOperationThatIsForgottenIsLookedAt has a machine that is too busy to
// wait for it within the five seconds for which it is known.
func TestWhatCameOfAnOperationThatIsForgottenIsLookedAt(t *testing.T) {
	for _, c := range []struct {
		status string // of the instance, none when it is gone
		start  bool   // counts as done
		stop   bool
		remove bool
	}{{"Running", true, false, false}, {"Stopped", false, true, false}, {"", false, false, true}} {
		client, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/1.0/operations/"):
				refuse(w, http.StatusNotFound, "Operation not found")
			case r.Method != http.MethodGet:
				reply(w, "async", Operation{ID: "op", Code: begun})
			case c.status == "":
				refuse(w, http.StatusNotFound, "Instance not found")
			default:
				reply(w, "sync", Instance{Name: "a", Status: c.status})
			}
		})
		for what, one := range map[string]struct {
			err  error
			done bool
		}{
			"start":  {client.SetState(t.Context(), "a", "start", false, 0), c.start},
			"stop":   {client.SetState(t.Context(), "a", "stop", true, 0), c.stop},
			"remove": {client.DeleteInstance(t.Context(), "a"), c.remove},
		} {
			if (one.err == nil) != one.done {
				t.Errorf("the %s of one that is %q: %v", what, c.status, one.err)
			}
			if IsNotFound(one.err) { // which would be read as the instance's end
				t.Errorf("the %s of one that is %q says that it is not there", what, c.status)
			}
		}
	}
}

func TestAnOperationIsAskedToEndWithItsContext(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	c, f := operations(t, func(_ int64, w http.ResponseWriter) {
		cancel(cause)
		<-t.Context().Done()
		cut(w)
	}, nil)
	if err := c.DeleteInstance(ctx, "a"); !errors.Is(err, cause) {
		t.Errorf("it ended with %v", err)
	}
	if n := f.count("DELETE /1.0/operations/op"); n != 1 {
		t.Errorf("it was asked to end %d times", n)
	}
}

func TestWhatIsNoOperationIsAnError(t *testing.T) {
	for _, metadata := range []any{nil, "text", Operation{}} {
		c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, "async", metadata) })
		if err := c.DeleteInstance(t.Context(), "a"); err == nil {
			t.Errorf("%v was taken for one", metadata)
		}
	}
}

// execServer runs a command that a test acts out.
func execServer(t *testing.T, act func(fd string, conn *websocket.Conn), returns any) *Client {
	c, _ := newClient(t, acted(t, act, returns))
	return c
}

// acted answers about a command that a test acts out.
func acted(t *testing.T, act func(fd string, conn *websocket.Conn), returns any) http.HandlerFunc {
	ended := make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/websocket"):
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			fd := strings.TrimPrefix(r.URL.Query().Get("secret"), "s")
			act(fd, conn)
			_ = conn.Close(websocket.StatusNormalClosure, "")
			if fd == "1" {
				close(ended)
			}
		case strings.HasSuffix(r.URL.Path, "/wait"):
			select {
			case <-ended:
			case <-r.Context().Done():
			}
			reply(w, "sync", map[string]any{"id": "op", "status_code": done, "metadata": returns})
		default:
			reply(w, "async", map[string]any{"id": "op", "status_code": begun, "metadata": map[string]any{
				"fds": map[string]string{"0": "s0", "1": "s1", "2": "s2", "control": "scontrol"},
			}})
		}
	}
}

func TestACommandReadsAndWrites(t *testing.T) {
	got := make(chan string, 1)
	c := execServer(t, func(fd string, conn *websocket.Conn) {
		switch fd {
		case "0":
			_, text, err := conn.Read(t.Context())
			if err != nil {
				t.Error(err)
			}
			if kind, _, err := conn.Read(t.Context()); err != nil || kind != websocket.MessageText {
				t.Errorf("the input does not end: %v, %v", kind, err)
			}
			got <- string(text)
		case "1":
			for _, text := range []string{"out ", <-got} {
				if err := conn.Write(t.Context(), websocket.MessageBinary, []byte(text)); err != nil {
					t.Error(err)
				}
			}
		case "2":
			if err := conn.Write(t.Context(), websocket.MessageBinary, []byte("err")); err != nil {
				t.Error(err)
			}
		}
	}, map[string]any{"return": 3})
	var out, said strings.Builder
	status, err := c.Exec(t.Context(), "a", []string{"x"}, nil, Streams{In: closer{strings.NewReader("in")}, Out: &out, Err: &said})
	if status != 3 || err != nil || out.String() != "out in" || said.String() != "err" {
		t.Errorf("status %d, %v, %q, %q", status, err, &out, &said)
	}
}

type closer struct{ *strings.Reader }

func (closer) Close() error { return nil }

// TestACommandWhoseConnectionsComeTooLateIsAskedForAnew has a busy machine: Incus forgets
// a command whose connections do not come within five seconds.
func TestACommandWhoseConnectionsComeTooLateIsAskedForAnew(t *testing.T) {
	for refusals, works := range map[int64]bool{0: true, 1: true, tries - 1: true, tries: false} {
		var asked, ran atomic.Int64
		inner := func(fd string, _ *websocket.Conn) {
			if fd == "1" { // whose end is that of the command
				ran.Add(1)
			}
		}
		run := acted(t, inner, map[string]any{"return": 0})
		c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/exec") {
				asked.Add(1)
			}
			// One of them has come already.
			if strings.HasSuffix(r.URL.Path, "/websocket") && asked.Load() <= refusals && r.URL.Query().Get("secret") != "scontrol" {
				refuse(w, http.StatusNotFound, "Operation not found")
				return
			}
			run(w, r)
		})
		status, err := c.Exec(t.Context(), "a", []string{"x"}, nil, Streams{})
		if (err == nil) != works || status != 0 {
			t.Errorf("refused %d times, it is %d, %v", refusals, status, err)
		}
		if works && ran.Load() != 1 || !works && ran.Load() != 0 || asked.Load() != min(refusals+1, tries) {
			t.Errorf("refused %d times, it was asked for %d times, and ran %d times", refusals, asked.Load(), ran.Load())
		}
	}
}

// TestACommandThatMayHaveBegunIsNotAskedForAnew has a connection that is cut: its command
// may have all it needs.
func TestACommandThatMayHaveBegunIsNotAskedForAnew(t *testing.T) {
	run := acted(t, func(string, *websocket.Conn) {}, map[string]any{"return": 0})
	c, f := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("secret") == "s2" {
			cut(w)
			return
		}
		run(w, r)
	})
	_, err := c.Exec(t.Context(), "a", []string{"x"}, nil, Streams{})
	if n := f.count("POST /1.0/instances/a/exec"); n != 1 || err == nil {
		t.Errorf("it was asked for %d times, %v", n, err)
	}
}

func TestACommandWithoutAStatusIsAnError(t *testing.T) {
	c := execServer(t, func(string, *websocket.Conn) {}, map[string]any{})
	if _, err := c.Exec(t.Context(), "a", []string{"x"}, nil, Streams{}); err == nil || !strings.Contains(err.Error(), "no exit status") {
		t.Errorf("it is %v", err)
	}
}

func TestACommandIsKilledWithItsContext(t *testing.T) {
	killed := make(chan string, 1)
	c := execServer(t, func(fd string, conn *websocket.Conn) {
		if fd == "control" {
			_, text, _ := conn.Read(t.Context())
			killed <- string(text)
			return
		}
		_, _, _ = conn.Read(t.Context()) // until it is closed
	}, map[string]any{"return": 137})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	if _, err := c.Exec(ctx, "a", []string{"x"}, nil, Streams{}); !errors.Is(err, cause) {
		t.Errorf("it ended with %v", err)
	}
	if text := <-killed; !strings.Contains(text, `"signal":9`) {
		t.Errorf("it was told %q", text)
	}
}
