package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Streams are what a command reads and writes. A nil one is empty, or thrown away.
type Streams struct {
	In       io.ReadCloser // closed when the command has ended
	Out, Err io.Writer
}

// Exec runs a command in a running instance until it ends, and gives its exit status.
// When ctx ends the command is killed.
func (c *Client) Exec(ctx context.Context, name string, argv []string, env map[string]string, s Streams) (status int, err error) {
	e, op, err := c.execute(ctx, name, argv, env)
	// Incus gives the connections of a command five seconds to come, which a busy machine
	// may not manage. A command that any is refused to has not begun.
	for n := 1; n < tries && errors.Is(err, errRefused) && context.Cause(ctx) == nil; n++ {
		e, op, err = c.execute(ctx, name, argv, env)
	}
	if err != nil {
		return 0, err
	}
	defer e.close()
	stop := context.AfterFunc(ctx, e.kill)
	defer stop()
	end, err := e.run(ctx, op, s)
	var result struct {
		Return *int `json:"return"`
	}
	// The status of one that was not found comes with an error.
	if failed := json.Unmarshal(end.Metadata, &result); failed == nil && result.Return != nil {
		return *result.Return, e.failed
	}
	if err == nil {
		err = &Error{Call: "exec in " + name, Text: "no exit status"}
	}
	return 0, err
}

// execute asks for a command, and connects to it. The caller closes the connections.
func (c *Client) execute(ctx context.Context, name string, argv []string, env map[string]string) (*execution, Operation, error) {
	op, err := c.begin(ctx, call{method: http.MethodPost, path: instancePath(name) + "/exec", body: map[string]any{
		"command": argv, "environment": env, "wait-for-websocket": true, "interactive": false,
	}})
	if err != nil {
		return nil, op, err
	}
	var said struct {
		FDs map[string]string `json:"fds"`
	}
	if err := json.Unmarshal(op.Metadata, &said); err != nil {
		return nil, op, &Error{Call: "exec", Text: err.Error()}
	}
	e := &execution{c: c, where: "/1.0/operations/" + path.Base(op.ID), secrets: said.FDs}
	if err := e.connect(ctx); err != nil {
		e.close()
		c.cancel(ctx, e.where)
		return nil, op, fmt.Errorf("incus: exec in %s: %w", name, err)
	}
	return e, op, nil
}

// run passes on what the command reads and writes until it ends. One that cannot be run,
// or ends as if (126, 127), has its end told at once by its operation, while its
// websockets stay open, until that is gone.
func (e *execution) run(ctx context.Context, op Operation, s Streams) (end Operation, err error) {
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		e.pump(ctx, s)
	}()
	end, err = e.c.await(ctx, op, "exec")
	left := lastOutput
	if err != nil {
		left = lastOfFailed
	}
	select {
	case <-pumped:
	case <-time.After(left):
		e.close()
		<-pumped
	}
	return end, err
}

// How long what was printed may take to arrive when a command has ended.
const (
	lastOutput   = 30 * time.Second
	lastOfFailed = time.Second
)

// execution is a command that runs.
type execution struct {
	c       *Client
	where   string
	secrets map[string]string
	conns   map[string]*websocket.Conn
	failed  error // of what writes what it prints
}

// connect opens its websockets side by side: standard input, output and error, and
// control.
func (e *execution) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, e.c.quick, fmt.Errorf("no connection within %s", e.c.quick))
	defer cancel()
	var all sync.WaitGroup
	var conns [len(channels)]*websocket.Conn
	var failed [len(channels)]error
	for n, fd := range channels {
		all.Go(func() {
			conns[n], failed[n] = e.c.socket(ctx, e.where+"/websocket", url.Values{"secret": {e.secrets[fd]}})
		})
	}
	all.Wait()
	e.conns = map[string]*websocket.Conn{}
	for n, fd := range channels {
		if conns[n] != nil {
			e.conns[fd] = conns[n]
		}
	}
	if err := errors.Join(failed[:]...); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return nil
}

// channels are the websockets of a command.
var channels = [...]string{"control", "0", "1", "2"}

// errRefused says that Incus has answered, and opens no websocket.
var errRefused = errors.New("refused")

// socket opens a websocket. The caller closes it.
func (c *Client) socket(ctx context.Context, path string, query url.Values) (*websocket.Conn, error) {
	conn, response, err := websocket.Dial(ctx, c.url("", path, query), &websocket.DialOptions{HTTPClient: c.http})
	if response != nil && response.Body != nil {
		defer response.Body.Close()
	}
	if err != nil && response != nil && response.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return conn, nil
}

// kill ends the command, and then what is read of it: a websocket that is read until
// a context ends is closed with that, before anything can be said by it.
func (e *execution) kill() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = e.conns["control"].Write(ctx, websocket.MessageText, []byte(`{"command":"signal","signal":9}`))
	e.close()
}

// pump passes on what the command reads and writes, until it has written all. Input is
// nobody's to wait for: a command may end without having read it.
func (e *execution) pump(ctx context.Context, s Streams) {
	ctx = context.WithoutCancel(ctx) // then it is killed
	var in, out sync.WaitGroup
	in.Go(func() { e.feed(ctx, s.In) })
	in.Go(func() { _ = drain(ctx, e.conns["control"], io.Discard) }) // nothing comes but its end
	var failed [2]error
	for n, to := range []io.Writer{s.Out, s.Err} {
		if to == nil {
			to = io.Discard
		}
		out.Go(func() { failed[n] = drain(ctx, e.conns[itoa(n+1)], to) })
	}
	out.Wait()
	if s.In != nil {
		_ = s.In.Close()
	}
	e.close()
	in.Wait()
	e.failed = errors.Join(failed[:]...)
}

// feed gives the command its input, and its end.
func (e *execution) feed(ctx context.Context, from io.Reader) {
	conn := e.conns["0"]
	buffer := make([]byte, 64<<10)
	for from != nil {
		n, err := from.Read(buffer)
		if n > 0 && conn.Write(ctx, websocket.MessageBinary, buffer[:n]) != nil {
			return
		}
		if err != nil {
			break
		}
	}
	_ = conn.Write(ctx, websocket.MessageText, nil) // the end
	_, _, _ = conn.Reader(ctx)                      // until it is closed
}

// drain writes what comes until its end, and goes on reading where it cannot be
// written, so that nobody is blocked.
func drain(ctx context.Context, conn *websocket.Conn, to io.Writer) error {
	var failed error
	for {
		kind, r, err := conn.Reader(ctx)
		if err != nil || kind == websocket.MessageText && to != io.Discard {
			return failed // closed: how the command has ended says the operation
		}
		if failed == nil {
			_, failed = io.Copy(to, r)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return failed
		}
	}
}

func (e *execution) close() {
	for _, conn := range e.conns {
		_ = conn.CloseNow()
	}
}
