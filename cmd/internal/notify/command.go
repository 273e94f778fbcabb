package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// lag is how long the output of a command is waited for whose process has
	// ended: what it has left running may hold it open.
	lag = time.Second
	// longest bounds a line of a command's output, in bytes.
	longest = 8 << 10
)

// Run runs a command of the VM with the event as JSON on its standard input, until
// it has ended, timeout is over or ctx ends; then it is killed with its group. line
// receives each line that it prints, from one goroutine at a time.
func Run(ctx context.Context, argv []string, timeout time.Duration, e Event, line func(text string)) error {
	text, err := e.json()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done within %s", timeout))
	defer cancel()
	out := &lines{tell: line}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), e.environment()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = lag
	err = cmd.Run()
	out.end()
	switch {
	case ctx.Err() != nil && err != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay), errors.Is(err, syscall.EPIPE):
		return nil // it did well, and left something running, or did not read
	}
	return err
}

// lines gives each line that is written to tell. It never fails, so that a command
// is not ended by what it prints.
type lines struct {
	tell func(string)

	mu    sync.Mutex
	rest  []byte
	ended bool
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return len(p), nil
	}
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < longest {
			return len(p), nil
		}
		text, after := l.rest, len(l.rest)
		if i >= 0 {
			text, after = l.rest[:i], i+1
		}
		l.tell(string(text[:min(len(text), longest)]))
		l.rest = append(l.rest[:0], l.rest[after:]...)
	}
}

// end tells what has come of a last line.
func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if len(l.rest) > 0 {
		l.tell(string(l.rest))
	}
}
