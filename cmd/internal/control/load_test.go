package control

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const askStatus = "GET /v1/status HTTP/1.1\r\nHost: jarloop\r\nConnection: close\r\n\r\n"

// answer reads one answer, 0 if there is none.
func answer(t *testing.T, conn net.Conn) (status int, body []byte) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		return 0, nil
	}
	defer response.Body.Close()
	// One that was still speaking may find the line cut after its answer.
	if body, err = io.ReadAll(response.Body); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	return response.StatusCode, body
}

func TestAThousandClients(t *testing.T) {
	var busy, most atomic.Int32
	release := make(chan struct{})
	s := serve(t, fake{status: func() Status {
		n := busy.Add(1)
		defer busy.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		<-release
		return Status{}
	}})
	const clients = 1000
	results := make(chan int, clients)
	var all sync.WaitGroup
	for range clients {
		conn := dial(t, s.path, askStatus)
		all.Go(func() {
			status, _ := answer(t, conn)
			results <- status
		})
	}
	// All but the first are sent away at once, while those are being answered.
	eventually(t, "the others are sent away", func() bool { return len(results) == clients-mostClients })
	eventually(t, "the first are being answered", func() bool { return busy.Load() == mostClients })
	if _, err := client(t, s.path).Status(t.Context()); err == nil {
		t.Error("one more is answered")
	}
	close(release)
	all.Wait()
	close(results)
	count := map[int]int{}
	for status := range results {
		count[status]++
	}
	if count[http.StatusOK] != mostClients || count[0] != clients-mostClients || most.Load() != mostClients {
		t.Errorf("answers by status: %v, at most %d at once", count, most.Load())
	}
	for range 3 * mostClients { // each gives its place free
		eventually(t, "a later one is answered", func() bool {
			c := NewClient(s.path)
			defer c.http.CloseIdleConnections()
			_, err := c.Status(t.Context())
			return err == nil
		})
	}
}

func TestClientsThatHangAreCutOffWithinASecond(t *testing.T) {
	var deploying atomic.Int32
	l, path := listen(t)
	s := serveOn(t, l, path, fake{deploy: func(ctx context.Context, _ []string) ([]Outcome, error) {
		deploying.Add(1)
		<-ctx.Done()
		return nil, errors.New("the agent was stopped")
	}})
	const each = 10
	var hanging, waiting []net.Conn
	for range each {
		hanging = append(hanging,
			dial(t, path, ""), // says nothing
			dial(t, path, "GET /v1/st"),
			dial(t, path, "POST /v1/deploy HTTP/1.1\r\nHost: jarloop\r\nContent-Length: 99\r\n\r\n{"))
		waiting = append(waiting, dial(t, path, "POST /v1/deploy HTTP/1.1\r\nHost: jarloop\r\nContent-Length: 2\r\n\r\n{}"))
	}
	eventually(t, "some wait for their deploys", func() bool { return deploying.Load() == each })
	took, err := s.stop()
	if err != nil || took > 3*time.Second { // the second that they have, on a busy machine
		t.Errorf("it took %s to stop: %v", took, err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener was not closed: %v", err)
	}
	for _, conn := range waiting {
		if status, body := answer(t, conn); status != 500 || string(body) != `{"error":"the agent was stopped"}`+"\n" {
			t.Errorf("one that waited is told %d %s", status, body)
		}
	}
	for _, conn := range hanging {
		if status, body := answer(t, conn); status != 0 {
			t.Errorf("one that hung is told %d %s", status, body)
		}
	}
	noneLeft(t)
}

// noneLeft makes sure that no goroutine still answers.
func noneLeft(t *testing.T) {
	t.Helper()
	var stacks string
	eventually(t, "no goroutine is left", func() bool {
		buffer := make([]byte, 1<<20)
		stacks = string(buffer[:runtime.Stack(buffer, true)])
		return !strings.Contains(stacks, "net/http.(*conn)") && !strings.Contains(stacks, "net/http.(*Server)")
	})
}

func TestServeIsOverWhenItsContextIs(t *testing.T) {
	l, path := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Serve(ctx, l, idle, func(string) {}); err != nil {
		t.Error(err)
	}
	if _, err := client(t, path).Status(t.Context()); !errors.Is(err, ErrNoAgent) {
		t.Errorf("asked when it is over: %v", err)
	}
	noneLeft(t)
}

func TestAListenerThatFailsEndsServe(t *testing.T) {
	l, path := listen(t)
	begun := make(chan struct{})
	result := make(chan error, 1)
	var ended atomic.Bool
	go func() {
		result <- Serve(t.Context(), l, fake{deploy: func(ctx context.Context, _ []string) ([]Outcome, error) {
			close(begun)
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond) // a Serve that does not wait is back by then
			ended.Store(true)
			return nil, ctx.Err()
		}}, func(string) {})
	}()
	dial(t, path, "POST /v1/deploy HTTP/1.1\r\nHost: jarloop\r\nContent-Length: 2\r\n\r\n{}")
	<-begun
	l.Close()
	select {
	case err := <-result:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
		if !ended.Load() {
			t.Error("it ended before a deploy that it was asked for")
		}
	case <-time.After(soon):
		t.Fatal("it goes on, without a listener")
	}
	noneLeft(t)
}

// short is a listener of a process that has no file descriptor left, for a
// few times.
type short struct {
	net.Listener
	times int
}

func (s *short) Accept() (net.Conn, error) {
	if s.times > 0 {
		s.times--
		return nil, &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return s.Listener.Accept()
}

func TestALackOfDescriptorsPasses(t *testing.T) {
	l, path := listen(t)
	s := serveOn(t, &short{l, 3}, path, idle)
	if got, err := client(t, path).Status(t.Context()); err != nil || got.Version != "1.2.3" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestAConnectionGivesItsPlaceFreeOnce(t *testing.T) {
	slots := make(chan struct{}, 2)
	slots <- struct{}{}
	slots <- struct{}{} // another's
	ours, theirs := net.Pipe()
	defer theirs.Close()
	conn := &slotted{Conn: ours, slots: slots}
	var all sync.WaitGroup
	for range 8 { // as the server's goroutines do when it stops
		all.Go(func() { conn.Close() })
	}
	all.Wait()
	if len(slots) != 1 {
		t.Errorf("%d places are taken, want the other's alone", len(slots))
	}
}
