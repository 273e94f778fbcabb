package incus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// environment is that of what is run inside.
var environment = map[string]string{
	"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root",
}

// errCut says that a call of the program inside was ended before it answered.
var errCut = errors.New("it was ended before it answered")

// call has the program inside make a call, with what follows it.
func (e *Engine) call(ctx context.Context, name string, r inside.Request, follows io.Reader) (inside.Answer, error) {
	var out bytes.Buffer
	if err := e.stream(ctx, name, r, follows, &out); err != nil {
		return inside.Answer{}, err
	}
	var a inside.Answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return a, errors.Join(errCut, e.stillRuns(ctx, name))
	}
	return a, a.Err()
}

// within is call with a deadline.
func (e *Engine) within(ctx context.Context, name string, most time.Duration, r inside.Request) (inside.Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, late("no answer from the guest", most))
	defer cancel()
	return e.call(ctx, name, r, strings.NewReader(""))
}

// stream has the program inside make a call whose answer goes to out. The input that
// follows ends with that reader, and is closed with the call if it can be.
func (e *Engine) stream(ctx context.Context, name string, r inside.Request, follows io.Reader, out io.Writer) error {
	every := hangs
	if r.Waits() { // and is not taken for one that hangs
		every = heardEvery
	}
	ctx, cancel := e.members.on(ctx, e.about(name), every)
	defer cancel()
	i, err := e.running(ctx, name)
	if err != nil {
		return err
	}
	if half(i) {
		return fmt.Errorf("%s is half of one: %w", name, deployer.ErrStopped)
	}
	return e.streamIn(ctx, name, i, r, follows, out)
}

// streamIn is stream for an instance that was looked at.
func (e *Engine) streamIn(ctx context.Context, name string, i api.Instance, r inside.Request, follows io.Reader, out io.Writer) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	in := input{io.MultiReader(bytes.NewReader(text), follows), follows}
	var said tail
	status, err := e.Client.Exec(ctx, i.Name, []string{i.Config[keyProgram]}, environment, api.Streams{In: in, Out: out, Err: &said})
	switch {
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case err != nil:
		return errors.Join(err, e.stillRuns(ctx, name))
	case status > 1:
		return errors.Join(fmt.Errorf("%w: the program in the guest: status %d: %s", errCut, status, said.text), e.stillRuns(ctx, name))
	}
	return nil
}

// stillRuns is deployer.ErrStopped where an instance does not run any more.
func (e *Engine) stillRuns(ctx context.Context, name string) error {
	if _, err := e.running(ctx, name); errors.Is(err, deployer.ErrStopped) {
		return err
	}
	return nil
}

// input is a request, and what follows it.
type input struct {
	io.Reader
	follows io.Reader
}

func (i input) Close() error {
	if c, is := i.follows.(io.Closer); is {
		return c.Close()
	}
	return nil
}

// tail is the last of what was written to it.
type tail struct{ text []byte }

const tailSize = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// open is an input that goes on until it is closed.
type open struct {
	ctx   context.Context
	close context.CancelFunc
}

func newOpen(ctx context.Context) open {
	ctx, cancel := context.WithCancel(ctx)
	return open{ctx, cancel}
}

func (o open) Read([]byte) (int, error) {
	<-o.ctx.Done()
	return 0, io.EOF
}

func (o open) Close() error {
	o.close()
	return nil
}

// Run runs a command inside. One without a deadline has the engine's.
func (e *Engine) Run(ctx context.Context, name string, argv []string) ([]byte, error) {
	if _, set := ctx.Deadline(); !set {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, quick, late("not ended", quick))
		defer cancel()
	}
	a, err := e.call(ctx, name, inside.Request{Call: inside.CallRun, Argv: argv}, strings.NewReader(""))
	if err != nil {
		return a.Data, fmt.Errorf("run %q in %s: %w", argv, name, err)
	}
	if a.Status != 0 {
		return a.Data, fmt.Errorf("run %q in %s: exit status %d: %s", argv, name, a.Status, strings.TrimSpace(string(a.Data)))
	}
	return a.Data, nil
}

// ReadFile reads a regular file inside.
func (e *Engine) ReadFile(ctx context.Context, name, file string) ([]byte, error) {
	a, err := e.within(ctx, name, quick, inside.Request{Call: inside.CallRead, File: file})
	if a.Data == nil && err == nil {
		a.Data = []byte{}
	}
	return a.Data, err
}

// WriteFile replaces a file inside.
func (e *Engine) WriteFile(ctx context.Context, name, file string, data []byte, perm fs.FileMode) error {
	_, err := e.within(ctx, name, quick, inside.Request{Call: inside.CallWrite, File: file, Data: data, Perm: perm})
	return err
}

// Listening gives what the service of an instance listens on.
func (e *Engine) Listening(ctx context.Context, name string) ([]deployer.Listener, error) {
	a, err := e.within(ctx, name, quick, inside.Request{Call: inside.CallListening})
	if err != nil {
		return nil, fmt.Errorf("look what %s listens on: %w", name, err)
	}
	return a.Listeners, nil
}

// Connections counts the open connections to a port of an instance, and of these the
// busy ones.
func (e *Engine) Connections(ctx context.Context, name string, port uint16) (open, busy int, err error) {
	a, err := e.within(ctx, name, quick, inside.Request{Call: inside.CallConnections, Port: port})
	if err != nil {
		return 0, 0, fmt.Errorf("connections of %s: %w", name, err)
	}
	return a.Open, a.Busy, nil
}

// Disconnect ends the connections to a port of an instance that are in use, each at a
// moment when nobody awaits an answer.
func (e *Engine) Disconnect(ctx context.Context, name string, port uint16) error {
	if _, err := e.within(ctx, name, quick, inside.Request{Call: inside.CallDisconnect, Port: port}); err != nil {
		return fmt.Errorf("end connections of %s: %w", name, err)
	}
	return nil
}

// Dial connects to a port of an instance: through the API, since an agent need not be
// on the network of instances.
func (e *Engine) Dial(ctx context.Context, name string, port uint16) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, quick, late("no connection", quick))
	defer cancel()
	mine, theirs := net.Pipe()
	first := &firstLine{to: theirs, answered: make(chan inside.Answer, 1)}
	ended := make(chan error, 1)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		ended <- e.stream(life, name, inside.Request{Call: inside.CallDial, Port: port}, theirs, first)
		end()
		_ = theirs.Close()
	}()
	var err error
	select {
	case a := <-first.answered:
		err = a.Err()
	case err = <-ended:
		err = errors.Join(errCut, err)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		end()
		_ = mine.Close()
		return nil, fmt.Errorf("connect to port %d of %s: %w", port, name, err)
	}
	return mine, nil
}

// firstLine takes the answer away from what comes before what it is to be passed on.
type firstLine struct {
	to       io.Writer
	answered chan inside.Answer
	line     []byte
	passed   bool
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.passed {
		return f.to.Write(p)
	}
	f.line = append(f.line, p...)
	line, rest, ended := bytes.Cut(f.line, []byte("\n"))
	if !ended {
		return len(p), nil
	}
	f.passed = true
	var a inside.Answer
	if err := json.Unmarshal(line, &a); err != nil {
		a.Error = err.Error()
	}
	f.answered <- a
	if len(rest) > 0 {
		if _, err := f.to.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
