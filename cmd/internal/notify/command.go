package notify

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// lag is how long the output of a command is read on after its process has
	// ended: what it has left running may hold it open.
	lag = time.Second
	// longest bounds a line of a command's output, in bytes.
	longest = 8 << 10
)

// Run runs a command of the VM with the event as JSON on its standard input, until
// it has ended, timeout is over or ctx ends; then it is killed with its group. line
// receives each line that it prints, on this goroutine.
func Run(ctx context.Context, argv []string, timeout time.Duration, e Event, line func(text string)) error {
	text, err := e.json()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done within %s", timeout))
	defer cancel()
	// A pipe of our own, because the lines are to come on this goroutine.
	out, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), e.environment()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), theirs, theirs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = lag
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = out.SetReadDeadline(time.Now().Add(lag)) // it cannot fail on a pipe
		ended <- err
	}()
	readLines(out, line)
	err = <-ended
	switch {
	case ctx.Err() != nil && err != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay), errors.Is(err, syscall.EPIPE):
		return nil // it did well, and left something running, or did not read
	}
	return err
}

// readLines gives each line of r to line, one that is too long in pieces, until r
// ends or its deadline has come.
func readLines(r io.Reader, line func(string)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, longest), longest)
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		n, token, err := bufio.ScanLines(data, atEOF)
		if n == 0 && len(data) == longest {
			return longest, data, nil
		}
		return n, token, err
	})
	for lines.Scan() {
		line(lines.Text())
	}
}
