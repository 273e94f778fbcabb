package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// soon bounds every wait of these tests.
const soon = 10 * time.Second

// asAnother holds the path of the socket that this process is to ask, and
// nothing else, when a test has started it as another user.
const asAnother = "JARLOOP_CONTROL_TEST_ASK"

func TestMain(m *testing.M) {
	if path := os.Getenv(asAnother); path != "" {
		_, err := NewClient(path).Status(context.Background())
		fmt.Print(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fake is an agent of functions.
type fake struct {
	status func() Status
	deploy func(ctx context.Context, services []string) ([]Outcome, error)
	// rollback, pause and data are asked in no other test than their own.
	rollback func(RollbackRequest) (Outcome, error)
	pause    func(PauseRequest) error
	data     func(DataRequest) error
	divert   func(DivertRequest) (Diverted, error)
	restart  func(RestartRequest) error
	at       func(PageRequest) (Page, error)
}

func (f fake) Status() Status { return f.status() }

func (f fake) Deploy(ctx context.Context, services []string) ([]Outcome, error) {
	return f.deploy(ctx, services)
}

func (f fake) Rollback(_ context.Context, r RollbackRequest) (Outcome, error) { return f.rollback(r) }

func (f fake) Restart(_ context.Context, r RestartRequest) error           { return f.restart(r) }
func (f fake) Page(_ context.Context, r PageRequest) (Page, error)         { return f.at(r) }
func (f fake) Divert(_ context.Context, r DivertRequest) (Diverted, error) { return f.divert(r) }
func (f fake) Pause(_ context.Context, r PauseRequest) error               { return f.pause(r) }

func (f fake) ChangeData(_ context.Context, r DataRequest) error { return f.data(r) }

// idle is an agent with nothing to tell.
var idle = fake{
	status: func() Status { return Status{Version: "1.2.3"} },
	deploy: func(context.Context, []string) ([]Outcome, error) { return nil, nil },
}

// folder makes one for a socket, which others may enter. Its path is short: a
// socket's has at most 107 bytes (unix(7)).
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "jlt-control-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func listen(t *testing.T) (l net.Listener, path string) {
	t.Helper()
	path = filepath.Join(folder(t), "sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, path
}

// server is one that answers; stop ends it, and is safe to call again.
type server struct {
	path   string
	warned chan string // the clients that were refused
	stop   func() (took time.Duration, err error)
}

func serveOn(t *testing.T, l net.Listener, path string, agent Agent) server {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var result error
	warned := make(chan string, 100)
	go func() {
		defer close(done)
		result = Serve(ctx, l, agent, func(text string) { warned <- text })
	}()
	s := server{path: path, warned: warned, stop: func() (time.Duration, error) {
		started := time.Now()
		cancel()
		select {
		case <-done:
			return time.Since(started), result
		case <-time.After(soon):
			return soon, fmt.Errorf("it still serves %s after it was stopped", soon)
		}
	}}
	t.Cleanup(func() { _, _ = s.stop() }) // whoever cares has looked at what it gives
	return s
}

func serve(t *testing.T, agent Agent) server {
	t.Helper()
	l, path := listen(t)
	return serveOn(t, l, path, agent)
}

// client gives one that leaves no connection open behind the test.
func client(t *testing.T, path string) *Client {
	c := NewClient(path)
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// dial connects, and writes text as it is.
func dial(t *testing.T, path, text string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("unix", path, soon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte(text)) // one that is refused finds the door closed
	return conn
}

// eventually waits for what is about to be so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(soon); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came to pass: %s", what)
		}
	}
}
