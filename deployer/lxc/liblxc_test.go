//go:build cgo

package lxc

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	lxc "github.com/lxc/go-lxc"
)

// liblxc looks if a container has a configuration, and then reads it: one that is
// removed in between is gone, and nothing is wrong with it.
func TestAContainerThatIsRemovedMeanwhileIsGone(t *testing.T) {
	path := t.TempDir()
	config := filepath.Join(path, "leaving", "config")
	if err := os.Mkdir(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		if err := os.WriteFile(config, []byte("lxc.uts.name = leaving\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		removed := make(chan error)
		go func() { removed <- os.Remove(config) }()
		err := withContainer(path, "leaving", func(*lxc.Container) error { return nil })
		if err := errors.Join(err, <-removed); err != nil {
			t.Fatal(err)
		}
	}
}
