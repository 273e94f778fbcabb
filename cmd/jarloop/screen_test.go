package main

import (
	"encoding/json"
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

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/picture"
)

// screenColumns and screenRows are the size of a screen.
const screenColumns, screenRows = 120, 40

// prompt of the shells, as a row shows it.
const prompt = "#"

// screen is a terminal on the VM with shells in its windows, as a developer
// would have it open: tmux, whose server is a child of the test.
type screen struct {
	s      *system
	socket string
	bin    string // with a jarloop in it that ends with its shell
}

// newScreen opens a screen with one window.
func (s *system) newScreen(window string) *screen {
	s.t.Helper()
	w := &screen{s: s, socket: filepath.Join(s.Dir, "tmux.sock"), bin: filepath.Join(s.Dir, "bin")}
	if _, err := exec.LookPath("tmux"); err != nil {
		s.t.Fatalf("%v: make deps-test installs it", err)
	}
	settings := filepath.Join(s.Dir, "tmux.conf")
	s.write(settings, "set -g default-terminal tmux-256color\nset -g status off\nset -g history-limit 10000\n")
	// An agent that lives on when its terminal has closed would outlive the test.
	if err := os.Mkdir(w.bin, 0o755); err != nil {
		s.t.Fatal(err)
	}
	wrapper := fmt.Sprintf("#!/bin/sh\nexec setpriv --pdeathsig KILL %s \"$@\"\n", s.program)
	if err := os.WriteFile(filepath.Join(w.bin, "jarloop"), []byte(wrapper), 0o755); err != nil {
		s.t.Fatal(err)
	}
	w.serve(settings)
	w.await("the screen opens", 30*time.Second, func() bool {
		size := []string{"-x", strconv.Itoa(screenColumns), "-y", strconv.Itoa(screenRows)}
		_, err := w.try(slices.Concat([]string{"new-session", "-d", "-s", "vm", "-n", window}, size, w.shell())...)
		return err == nil
	})
	w.prompted(window)
	return w
}

// serve runs tmux's server until the test ends, or is ended.
func (w *screen) serve(settings string) {
	w.s.t.Helper()
	server := w.s.VM(w.s.ctx, "tmux", "-D", "-S", w.socket, "-f", settings)
	server.Env = append(os.Environ(), "LC_ALL=C.UTF-8") // or it has no "│"
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // whose end would be the server's (prctl(2))
		err := server.Start()
		started <- err
		if err == nil {
			_ = server.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		w.s.t.Fatalf("start tmux: %v", err)
	}
	w.s.t.Cleanup(func() {
		if out, err := w.try("kill-server"); err != nil {
			w.s.t.Errorf("end tmux: %v: %s", err, out)
			_ = server.Process.Kill()
		}
		<-ended
	})
}

// open opens another window.
func (w *screen) open(window string) {
	w.s.t.Helper()
	w.tmux(append([]string{"new-window", "-d", "-t", "vm", "-n", window}, w.shell()...)...)
	w.prompted(window)
}

// shell is the command of a window.
func (w *screen) shell() []string {
	return []string{
		"-c", w.s.Dir, "env", "-i", "PATH=" + w.bin + ":" + os.Getenv("PATH"), "TERM=tmux-256color", "LC_ALL=C.UTF-8",
		"PS1=" + prompt + " ", "sh", "-c", `printf '\033]2;root@vm\033\\'; exec sh -i`,
	}
}

func (w *screen) try(args ...string) (string, error) {
	// -N: never a server of its own.
	out, err := w.s.VM(w.s.ctx, append([]string{"tmux", "-N", "-u", "-S", w.socket}, args...)...).CombinedOutput()
	return string(out), err
}

func (w *screen) tmux(args ...string) string {
	w.s.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.s.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return out
}

// enter types a command.
func (w *screen) enter(window, command string) {
	w.s.t.Helper()
	w.tmux("send-keys", "-t", "vm:"+window, "-l", command)
	w.tmux("send-keys", "-t", "vm:"+window, "Enter")
}

// title is that of a window, as its program has set it.
func (w *screen) title(window string) string {
	w.s.t.Helper()
	return strings.TrimSpace(w.tmux("display-message", "-p", "-t", "vm:"+window, "#{pane_title}"))
}

// rows are all that were ever shown in a window, one for each line.
func (w *screen) rows(window string) []picture.Row {
	w.s.t.Helper()
	rows, err := picture.Parse(w.tmux("capture-pane", "-p", "-e", "-J", "-S", "-", "-t", "vm:"+window))
	if err != nil {
		w.s.t.Fatal(err)
	}
	return rows
}

// shows waits until there is a row below the first ones with all of texts in it.
func (w *screen) shows(window string, below int, texts ...string) {
	w.s.t.Helper()
	w.await(strings.Join(texts, " … "), 90*time.Second, func() bool {
		rows := w.rows(window)
		for _, row := range rows[min(below, len(rows)):] {
			if containsAll(row.String(), texts) {
				return true
			}
		}
		return false
	})
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// await waits for a condition, and shows the screen if it never comes true.
func (w *screen) await(what string, within time.Duration, so func() bool) {
	w.s.t.Helper()
	deadline := time.Now().Add(within)
	for !so() {
		if time.Now().After(deadline) {
			out, _ := w.try("capture-pane", "-p", "-S", "-", "-t", "vm:agent")
			w.s.t.Fatalf("not within %s: %s\n%s", within, what, out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// entitled waits until a window has a title.
func (w *screen) entitled(window, title string) {
	w.s.t.Helper()
	w.await("the title "+title, 10*time.Second, func() bool { return w.title(window) == title })
}

// prompted waits until the shell of a window asks for the next command.
func (w *screen) prompted(window string) {
	w.s.t.Helper()
	w.await("the prompt", 20*time.Second, func() bool {
		rows := w.rows(window)
		return rows[len(rows)-1].String() == prompt
	})
}

// withoutPrompt is rows without the last one.
func withoutPrompt(rows []picture.Row) []picture.Row { return rows[:len(rows)-1] }

// settled waits until each service is live and has its standby, and no
// generation drains.
func (w *screen) settled() {
	w.s.t.Helper()
	w.await("all is live and has a standby", 90*time.Second, func() bool {
		status, err := w.s.agentStatus()
		if err != nil {
			return false
		}
		for _, service := range status.Services {
			if service.State != "live" || service.Standby == "" || len(service.Draining) > 0 {
				return false
			}
		}
		return true
	})
}

// agentStatus asks the agent, if there is one.
func (s *system) agentStatus() (status control.Status, err error) {
	out, err := s.VM(s.ctx, s.program, "status", "--json", "--config", s.config).Output()
	if len(out) > 0 {
		err = json.Unmarshal(out, &status) // not all being well is no error here
	}
	return status, err
}

// output is what a verb prints that cannot fail.
func (s *system) output(verb string) string {
	s.t.Helper()
	out, err := s.VM(s.ctx, s.program, verb).Output()
	if err != nil {
		s.t.Fatalf("%s: %v", verb, err)
	}
	return string(out)
}
