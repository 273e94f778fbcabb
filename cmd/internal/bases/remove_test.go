package bases

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/folders"
)

// withBase is an agent that makes clones of one base.
type withBase struct {
	control.Agent
	container string
}

func (w withBase) Status() control.Status { return control.Status{Bases: []string{w.container}} }

// The file may have been changed since the agent read it.
func TestTheBasesOfAnAgentAreThoseOfTheFileAndItsOwn(t *testing.T) {
	dir := t.TempDir()
	c := &config.Config{State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run")}
	c.Bases = []config.Base{{Name: "small", Template: "busybox", Privileged: true}, {Name: "mine", Privileged: true}}
	r, err := Recipe(c, c.Bases[0])
	if err != nil {
		t.Fatal(err)
	}
	expect := func(when string, want ...string) (release func()) {
		t.Helper()
		got, release, err := cloned(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
		return release
	}

	expect("without an agent ever")()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("looking for one leaves %v, %v", left, err)
	}

	lock, err := folders.Lock(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	expect("while one starts", r.Container(), "mine")()
	socket, err := control.Listen(folders.Socket(c))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- control.Serve(ctx, socket, withBase{container: "small-0"}, func(string) {}) }()
	expect("while one runs", r.Container(), "mine", "small-0")()
	stop()
	if err := errors.Join(<-served, lock.Close()); err != nil {
		t.Error(err)
	}

	release := expect("after it")
	if second, err := folders.Lock(t.Context(), c); !errors.Is(err, folders.ErrBusy) {
		t.Errorf("an agent that starts meanwhile gets %v, %v", second, err)
	}
	release()
	if lock, err = folders.Lock(t.Context(), c); err != nil {
		t.Fatalf("and then: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}
