//go:build cgo

package lxc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// The deadline of a call is the machine's fault, that of who asks is not.
func TestACallThatMeetsItsOwnDeadlineIsLate(t *testing.T) {
	h := &Host{Path: t.TempDir(), Child: []string{"sleep", "86390"}}
	if _, err := h.call(t.Context(), 50*time.Millisecond, request{Op: opStates}, nil); !errors.Is(err, deployer.ErrLate) {
		t.Errorf("it ended with %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.call(ctx, time.Minute, request{Op: opStates}, nil); errors.Is(err, deployer.ErrLate) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("whose caller has given it up ended with %v", err)
	}
}

func TestAStartThatHangsIsCutOffAndLeavesNothing(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	const name, hangs = "jlt-lxc-1", "86391"
	before := mountsBelow(t, h.Path)
	hook := filepath.Join(t.TempDir(), "hook")
	writeFile(t, hook, "#!/bin/sh\nsleep "+hangs+"\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := h.Clone(t.Context(), "base", name, "auto", []string{"lxc.signal.halt = SIGUSR1", "lxc.hook.pre-start = " + hook}); err != nil {
		t.Fatal(err)
	}
	// As Start does, but for how long it may take.
	began := time.Now()
	_, err := h.call(t.Context(), 500*time.Millisecond, request{Op: opStart, Name: name}, nil)
	if !errors.Is(err, deployer.ErrLate) || !strings.Contains(err.Error(), "no answer from liblxc within 500ms") {
		t.Errorf("the start ended with %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it was cut off after %s", took)
	}
	if states, err := h.States(t.Context()); err != nil || states[name] != -1 || states["base"] != 0 {
		t.Errorf("states are %v, %v", states, err)
	}
	if err := errors.Join(h.Stop(t.Context(), name, 0), h.Destroy(t.Context(), name)); err != nil {
		t.Error(err)
	}
	eventually(t, "the hook is gone", func() bool { return !runs(hangs) })
	if left := monitors(h.Path, name); len(left) > 0 {
		t.Errorf("monitors are left: %v", left)
	}
	if _, err := os.Stat(filepath.Join(h.Path, name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is left: %v", err)
	}
	if after := mountsBelow(t, h.Path); after != before {
		t.Errorf("mounts are left: %s", after)
	}
}

// runs says whether a process runs that has the word in its command line.
func runs(word string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), word) {
			return true
		}
	}
	return false
}

func mountsBelow(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, dir) {
			found += line
		}
	}
	return found
}

func TestAGuestThatDoesNotHeedIsKilled(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	const name = "jlt-lxc-1"
	// Busybox's init does not know this signal, and the kernel gives none to
	// the first process of a namespace that it does not know.
	if err := h.Clone(t.Context(), "base", name, "auto", []string{"lxc.signal.halt = SIGTTOU"}); err != nil {
		t.Fatal(err)
	}
	init, err := h.Start(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := h.Stop(t.Context(), name, time.Second); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < time.Second || took > 8*time.Second {
		t.Errorf("it was stopped after %s; it may take a second", took)
	}
	if err := syscall.Kill(init, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("its init is there: %v", err)
	}
	if states, err := h.States(t.Context()); err != nil || states[name] != 0 {
		t.Errorf("states are %v, %v", states, err)
	}
}
