package watcher

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAHungShareHoldsUpNothingElse stops the process behind a share, so that
// every call on it blocks, as with a dead NFS server.
func TestAHungShareHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	s := newShare(t)
	local := t.TempDir()
	w, err := New(Options{Root: s.seen, Store: filepath.Join(t.TempDir(), "store"), hanging: time.Second}, []Service{
		{Name: "app", Dir: filepath.Join(s.seen, "volume-app")}, {Name: "other", Dir: local},
	})
	must(t, err)
	write(t, filepath.Join(s.theirs, "volume-app", "app.jar"), jar(t, "one"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, done := make(chan Event, 100), make(chan error, 1)
	go func() { done <- w.Run(ctx, func(_ context.Context, e Event) { events <- e }) }()
	r := &rig{t: t, w: w, events: events}
	r.ready()

	must(t, s.daemon.Process.Signal(unix.SIGSTOP))
	write(t, filepath.Join(local, "a.yml"), []byte("a"))
	if set := r.ready(); set.Service != "other" {
		t.Errorf("set of %s, want the other", set.Service)
	}
	contains(t, r.next(Degraded).Reason, s.seen, "does not answer")
	began := time.Now()
	must(t, w.Resend("app"))
	cancel()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "app") || strings.Contains(err.Error(), "other") {
			t.Errorf("%v, want an error that names app alone", err)
		}
	case <-time.After(deadline):
		t.Fatal("Run waits for a call that hangs")
	}
	if took := time.Since(began); took > 2*grace {
		t.Errorf("Run took %v to end", took)
	}
}

// TestAShareThatAnswersAgainIsLookedAtSoon stops the process behind a share for
// far longer than looks are apart, as a laptop that sleeps does.
func TestAShareThatAnswersAgainIsLookedAtSoon(t *testing.T) {
	t.Parallel()
	const hung = 5 * time.Second
	s := newShare(t)
	w, err := New(Options{Root: s.seen, Store: filepath.Join(t.TempDir(), "store"), Poll: time.Second, hanging: time.Second}, []Service{
		{Name: "app", Dir: filepath.Join(s.seen, "volume-app")},
	})
	must(t, err)
	name := filepath.Join(s.theirs, "volume-app", "app.jar")
	write(t, name, jar(t, "one"))
	r := run(t, w, s.seen)
	r.ready()
	must(t, s.daemon.Process.Signal(unix.SIGSTOP))
	r.next(Degraded)
	must(t, w.Resend("app")) // while it hangs
	contains(t, r.next(Refused).Reason, s.seen, "does not answer")
	time.Sleep(hung)
	must(t, s.daemon.Process.Signal(unix.SIGCONT))
	r.next(Restored)
	r.next(Same) // what was refused is there
	began := time.Now()
	write(t, name, jar(t, "another"))
	r.ready()
	if took := time.Since(began); took > hung/2 {
		t.Errorf("a change was reported after %v", took)
	}
}
