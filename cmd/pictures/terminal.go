package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// columns and lines are the size of a terminal.
const columns, lines = 120, 40

// prompt of the shells, as a row shows it.
const prompt = "#"

// terminal is one on the VM with shells in its windows, as a developer would have
// it open: tmux, whose server is a child of this program.
type terminal struct {
	lab    *lab.Lab
	socket string
	bin    string        // with a jarloop in it that ends with its shell
	ended  chan struct{} // the server
	server *exec.Cmd
}

// newTerminal opens a terminal with one window. The caller closes it.
func newTerminal(ctx context.Context, l *lab.Lab, program, window string) (*terminal, error) {
	t := &terminal{lab: l, socket: filepath.Join(l.Dir, "tmux.sock"), bin: filepath.Join(l.Dir, "bin"), ended: make(chan struct{})}
	if _, err := exec.LookPath("tmux"); err != nil {
		return nil, fmt.Errorf("%w: make deps-test installs it", err)
	}
	settings := filepath.Join(l.Dir, "tmux.conf")
	// An agent that lives on when its terminal has closed would outlive the lab.
	wrapper := fmt.Sprintf("#!/bin/sh\nexec setpriv --pdeathsig KILL %s \"$@\"\n", program)
	if err := errors.Join(
		os.WriteFile(settings, []byte("set -g default-terminal tmux-256color\nset -g status off\nset -g history-limit 10000\n"), 0o644),
		os.Mkdir(t.bin, 0o755),
		os.WriteFile(filepath.Join(t.bin, "jarloop"), []byte(wrapper), 0o755),
	); err != nil {
		return nil, err
	}
	if err := t.serve(settings); err != nil {
		return nil, fmt.Errorf("start tmux: %w", err)
	}
	err := t.await(ctx, "the terminal opens", func() (bool, error) {
		size := []string{"-x", strconv.Itoa(columns), "-y", strconv.Itoa(lines)}
		return t.run(slices.Concat([]string{"new-session", "-d", "-s", "vm", "-n", window}, size, t.shell())...) == nil, nil
	})
	if err == nil {
		err = t.await(ctx, "the prompt", func() (bool, error) { return t.asks(window) })
	}
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// serve starts tmux's server, which ends with this program.
func (t *terminal) serve(settings string) error {
	t.server = t.lab.VM(context.Background(), "tmux", "-D", "-S", t.socket, "-f", settings)
	t.server.Env = append(t.server.Env, "LC_ALL=C.UTF-8") // or it has no "│"
	t.server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() { // close waits for it
		defer close(t.ended)
		runtime.LockOSThread() // whose end would be the server's (prctl(2))
		err := t.server.Start()
		started <- err
		if err == nil {
			_ = t.server.Wait()
		}
	}()
	return <-started
}

// close ends the server, with all that runs in its windows.
func (t *terminal) close() error {
	err := t.run("kill-server")
	if err != nil {
		_ = t.server.Process.Kill()
	}
	<-t.ended
	return err
}

// open opens another window.
func (t *terminal) open(window string) error {
	return t.run(append([]string{"new-window", "-d", "-t", "vm", "-n", window}, t.shell()...)...)
}

// shell is the command of a window.
func (t *terminal) shell() []string {
	return []string{
		"-c", t.lab.Dir, "env", "-i", "PATH=" + t.bin + ":" + os.Getenv("PATH"), "TERM=tmux-256color", "LC_ALL=C.UTF-8",
		"PS1=" + prompt + " ", "sh", "-c", `printf '\033]2;root@vm\033\\'; exec sh -i`,
	}
}

// output runs a command of tmux.
func (t *terminal) output(args ...string) (string, error) {
	// -N: never a server of its own.
	out, err := t.lab.VM(context.Background(), append([]string{"tmux", "-N", "-u", "-S", t.socket}, args...)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("tmux %q: %w: %s", args, err, out)
	}
	return string(out), err
}

func (t *terminal) run(args ...string) error {
	_, err := t.output(args...)
	return err
}

// title is that of a window, as its program has set it.
func (t *terminal) title(window string) (string, error) {
	out, err := t.output("display-message", "-p", "-t", "vm:"+window, "#{pane_title}")
	return strings.TrimSpace(out), err
}

// rows are all that were ever shown in a window, one for each line.
func (t *terminal) rows(window string) ([]row, error) {
	out, err := t.output("capture-pane", "-p", "-e", "-J", "-S", "-", "-t", "vm:"+window)
	if err != nil {
		return nil, err
	}
	return parse(out)
}

// asks says whether the shell of a window asks for the next command.
func (t *terminal) asks(window string) (bool, error) {
	rows, err := t.rows(window)
	return len(rows) > 0 && rows[len(rows)-1].String() == prompt, err
}

// await waits for a condition. That it never comes true is an error, which shows
// the terminal.
func (t *terminal) await(ctx context.Context, what string, so func() (bool, error)) error {
	const patience = 90 * time.Second
	for deadline := time.Now().Add(patience); ; {
		if yes, err := so(); yes || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			out, err := t.output("capture-pane", "-p", "-S", "-", "-t", "vm:agent")
			return errors.Join(fmt.Errorf("not within %s: %s\n%s", patience, what, out), err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
