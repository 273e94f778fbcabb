package base

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// builderEnv makes the test binary a builder of the base that it describes,
// for tests that kill one.
const builderEnv = "JLT_BASE_BUILD"

type childBuild struct {
	Path   string
	Recipe Recipe
}

func TestMain(m *testing.M) {
	text := os.Getenv(builderEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	var c childBuild
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		_, _, err = (&Store{Path: c.Path}).Ensure(context.Background(), c.Recipe)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// builder gives a builder below a path of the test's own.
func builder(t *testing.T) *Store {
	t.Helper()
	needRoot(t)
	return &Store{Path: t.TempDir()}
}

// busybox is a base that builds in half a second.
func busybox(run ...string) Recipe {
	return Recipe{Name: "jlt-base-bb", Template: "busybox", Run: run}
}

// deadline is a context for a test that might hang.
func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func ensure(t *testing.T, b *Store, r Recipe) string {
	t.Helper()
	container, built, err := b.Ensure(deadline(t, time.Minute), r)
	if err != nil {
		t.Fatal(err)
	}
	if !built {
		t.Fatalf("%s was there already", container)
	}
	return container
}

// script puts a program called name first in the PATH.
func script(t *testing.T, name, text string) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// command runs a command of the host and gives what it prints.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(deadline(t, 30*time.Second), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("left in %s: %s", dir, e.Name())
	}
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx := deadline(t, 30*time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not in 30 s", what)
		case <-tick.C:
		}
	}
}

// processes counts the processes with a word in their command line.
func processes(t *testing.T, word string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), word) {
			n++
		}
	}
	return n
}
