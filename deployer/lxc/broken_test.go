//go:build cgo

package lxc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABaseThatRunsOrIsBrokenIsNotCloned(t *testing.T) {
	h := newHost(t, t.TempDir(), "dir")
	config, root := filepath.Join(h.Path, "base", "config"), filepath.Join(h.Path, "base", "rootfs")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, want ...string) {
		t.Helper()
		err := h.Clone(t.Context(), "base", "jlt-lxc-1", "auto", nil)
		for _, w := range append(want, "clone jlt-lxc-1 from base: ") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v; want %q", what, err, w)
			}
		}
		if err := h.Destroy(t.Context(), "jlt-lxc-1"); err != nil {
			t.Errorf("%s: what is left of the clone: %v", what, err)
		}
	}
	if _, err := h.Start(t.Context(), "base"); err != nil {
		t.Fatal(err)
	}
	refused("one that runs", "the base is running: stop it with lxc-stop -P "+h.Path+" -n base")
	if err := h.Stop(t.Context(), "base", 0); err != nil {
		t.Fatal(err)
	}

	writeFile(t, config, "lxc.nonsense = 1\n"+string(text))
	refused("a configuration that liblxc does not know", "mend "+config, "lxc-info")
	writeFile(t, config, "")
	refused("a configuration without a root", "no lxc.rootfs.path", "jarloop clean --bases")
	writeFile(t, config, string(text))

	if err := os.Rename(root, root+".away"); err != nil {
		t.Fatal(err)
	}
	refused("one whose root is gone", root, "jarloop clean --bases")
	if err := os.Rename(root+".away", root); err != nil {
		t.Fatal(err)
	}
	if err := h.Clone(t.Context(), "base", "jlt-lxc-1", "auto", nil); err != nil {
		t.Errorf("the base in order again: %v", err)
	}
}
