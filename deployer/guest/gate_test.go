package guest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheGate(t *testing.T) {
	dir := t.TempDir()
	r, err := OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	gate := filepath.Join(dir, GateFile)

	if err := r.OpenGate(); err != nil {
		t.Errorf("one that has been passed is no error: %v", err)
	}
	must(t, r.Fill(Unit{Service: "person", Exec: "true"}.Files(Busybox)))
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
