package lxc

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

// sharing gives an engine that shares files in a folder of the test's own.
func sharing(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Options{Path: t.TempDir(), Logs: t.TempDir(), Child: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func sharedBy(t *testing.T, e *Engine) []deployer.SharedFile {
	t.Helper()
	all, err := e.Shared(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}

// What a killed agent leaves is a file that nobody holds a lock of, and a folder that
// it was about to remove.
func TestWhatAKilledAgentWasSharingGoesAndWhatIsBeingWrittenStays(t *testing.T) {
	e := sharing(t)
	if err := e.Share(t.Context(), "a/lib", writes("whole")); err != nil {
		t.Fatal(err)
	}
	left, empty := filepath.Join(e.disk.shared(), "a", ".lib4711"), filepath.Join(e.disk.shared(), "empty")
	if err := errors.Join(os.WriteFile(left, []byte("ha"), 0o600), os.Mkdir(empty, 0o755)); err != nil {
		t.Fatal(err)
	}
	err := e.Share(t.Context(), "a/other", func(w io.Writer) error {
		if _, err := io.WriteString(w, "ha"); err != nil {
			return err
		}
		if all := sharedBy(t, e); len(all) != 1 || all[0].Name != "a/lib" {
			t.Errorf("shared are %+v", all)
		}
		_, err := io.WriteString(w, "lf")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{left, empty} {
		if _, err := os.Lstat(gone); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", gone, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(e.disk.shared(), "a/other"))
	if err != nil || string(text) != "half" {
		t.Errorf("what was being written is %q, %v", text, err)
	}
}

func TestFilesAreSharedWhileOthersLook(t *testing.T) {
	e := sharing(t)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for ctx.Err() == nil {
			sharedBy(t, e)
		}
	})
	for range 200 {
		if err := errors.Join(e.Share(ctx, "a/lib", writes("x")), e.Unshare(ctx, "a/lib")); err != nil {
			t.Error(err)
			break
		}
	}
	cancel()
	all.Wait()
}
