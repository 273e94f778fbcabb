package base

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// TestABaseIsCarriedElsewhereAsItIs unpacks what was packed for others.
func TestABaseIsCarriedElsewhereAsItIs(t *testing.T) {
	b, r := builder(t), busybox(peculiar)
	if err := b.Carry(deadline(t, time.Minute), r, nil); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("what is not built: %v", err)
	}
	container := ensure(t, b, r)
	dir := t.TempDir()
	archive, err := os.Create(filepath.Join(dir, "base.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	err = b.Carry(deadline(t, time.Minute), r, func(got Base, root string, p rootfs.Progress) error {
		if got.Container != container || got.Name != r.Name || got.Hash != r.Hash() || got.Begun.IsZero() || got.Took == 0 {
			t.Errorf("it is %+v", got)
		}
		return rootfs.Archive(t.Context(), root, "its/root", archive, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	command(t, "tar", "-C", dir, "--numeric-owner", "--xattrs-include=*", "--acls", "-xpf", archive.Name())
	if diff := cmp.Diff(tree(t, filepath.Join(b.Path, container, "rootfs")), tree(t, filepath.Join(dir, "its/root"))); diff != "" {
		t.Error(diff)
	}
	full := errors.New("a full disk")
	if err := b.Carry(deadline(t, time.Minute), r, func(Base, string, rootfs.Progress) error { return full }); !errors.Is(err, full) {
		t.Errorf("what cannot be carried: %v", err)
	}
	if err := b.Remove(deadline(t, time.Minute), container); err != nil {
		t.Error(err)
	}
	wantEmpty(t, b.Path)
}
