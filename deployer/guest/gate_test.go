package guest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheGate(t *testing.T) {
	dir := t.TempDir()
	r, err := OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	gate := filepath.Join(dir, gateFile)

	if err := r.OpenGate(); err != nil {
		t.Errorf("one that has been passed is no error: %v", err)
	}
	must(t, r.WriteFiles(Unit{Service: "person", Exec: "true"}.Files(Busybox)))
	if err := r.OpenGate(); !errors.Is(err, ErrEarly) {
		t.Errorf("nobody waits at it yet: %v", err)
	}

	// As the unit does it: the reader waits in open.
	read := make(chan string)
	go func() {
		f, err := os.Open(gate)
		if err != nil {
			t.Error(err)
		}
		text, err := io.ReadAll(f)
		if err != nil {
			t.Error(err)
		}
		f.Close()
		read <- string(text)
	}()
	for {
		if err = r.OpenGate(); !errors.Is(err, ErrEarly) {
			break
		}
	}
	must(t, err)
	if text := <-read; text != "\n" {
		t.Errorf("the unit read %q", text)
	}

	for what, make := range map[string]func() error{
		"a file":   func() error { return os.WriteFile(gate, nil, 0o600) },
		"a folder": func() error { return os.Mkdir(gate, 0o755) },
		"a device": func() error { return unix.Mknod(gate, unix.S_IFCHR|0o600, 1<<8|3) },
	} {
		must(t, os.RemoveAll(gate))
		if err := make(); err != nil {
			t.Logf("%s cannot be made here: %v", what, err)
			continue
		}
		if err := r.OpenGate(); !errors.Is(err, ErrIrregular) {
			t.Errorf("%s in its place: %v", what, err)
		}
	}
}

// TestAGateFullOfTheContainersOwnBytesHoldsNobodyUp has a container that reads
// from the gate so slowly that nothing more goes in.
func TestAGateFullOfTheContainersOwnBytesHoldsNobodyUp(t *testing.T) {
	dir := t.TempDir()
	r := opened(t, dir)
	must(t, r.WriteFiles(Unit{Service: "person", Exec: "true"}.Files(Busybox)))
	fd, err := unix.Open(filepath.Join(dir, gateFile), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	for err == nil {
		_, err = unix.Write(fd, make([]byte, 4096))
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.OpenGate() }()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the agent waits until the container reads")
	}
}

// Between the two steps of one who opens the gate the unit may have passed it for another.
func TestSeveralOpenTheGateAtOnce(t *testing.T) {
	dir := t.TempDir()
	r, err := OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	gate := filepath.Join(dir, gateFile)
	must(t, os.MkdirAll(filepath.Dir(gate), 0o755))
	for range 2000 {
		must(t, unix.Mkfifo(gate, 0o600))
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				err := ErrEarly
				for errors.Is(err, ErrEarly) {
					err = r.OpenGate()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		unit, err := os.Open(gate)
		must(t, err)
		_, err = unit.Read(make([]byte, 1))
		must(t, errors.Join(err, unit.Close(), os.Remove(gate)))
		all.Wait()
		if t.Failed() {
			return
		}
	}
}
