package shared

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}

func sharedBy(t *testing.T, f Folder) []deployer.SharedFile {
	t.Helper()
	all, err := f.All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What a killed agent leaves is a file that nobody holds a lock of, and a folder that
// it was about to remove.
func TestWhatAKilledAgentWasSharingGoesAndWhatIsBeingWrittenStays(t *testing.T) {
	f := Folder(t.TempDir())
	if err := f.Add(t.Context(), "a/lib", writes("whole")); err != nil {
		t.Fatal(err)
	}
	left, empty := filepath.Join(string(f), "a", ".lib4711"), filepath.Join(string(f), "empty")
	if err := errors.Join(os.WriteFile(left, []byte("ha"), 0o600), os.Mkdir(empty, 0o755)); err != nil {
		t.Fatal(err)
	}
	err := f.Add(t.Context(), "a/other", func(w io.Writer) error {
		if _, err := io.WriteString(w, "ha"); err != nil {
			return err
		}
		if all := sharedBy(t, f); len(all) != 1 || all[0].Name != "a/lib" {
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
	text, err := os.ReadFile(filepath.Join(string(f), "a/other"))
	if err != nil || string(text) != "half" {
		t.Errorf("what was being written is %q, %v", text, err)
	}
}

func TestFilesAreSharedWhileOthersLook(t *testing.T) {
	f := Folder(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for ctx.Err() == nil {
			sharedBy(t, f)
		}
	})
	for range 200 {
		if err := errors.Join(f.Add(ctx, "a/lib", writes("x")), f.Remove("a/lib")); err != nil {
			t.Error(err)
			break
		}
	}
	cancel()
	all.Wait()
}

func TestMappedAreTheSharedFilesThatAProcessSees(t *testing.T) {
	const maps = `7f01-7f02 r--s 00000000 00:2a 257 /var/lib/jarloop/shared/3f/a lib.jar
7f02-7f03 r--s 00001000 00:2a 257 /var/lib/jarloop/shared/3f/a lib.jar
7f03-7f04 r--p 00000000 00:2a 258 /srv/lxc/.jarloop-shared/k.jsa (deleted)
7f04-7f05 r--p 00000000 00:2a 259 /usr/lib/libc.so.6
7f05-7f06 rw-p 00000000 00:00 0
`
	if all := Mapped(maps); !slices.Equal(all, []string{"3f/a lib.jar"}) {
		t.Errorf("mapped are %q", all)
	}
	if all := Mapped(maps, ".jarloop-shared"); !slices.Equal(all, []string{"3f/a lib.jar", "k.jsa"}) {
		t.Errorf("mapped are %q", all)
	}
}
