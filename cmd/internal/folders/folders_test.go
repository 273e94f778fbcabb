package folders

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer/base"
)

func TestUnprivilegedContainersAndNobodyElseComeToTheirReports(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving folders away needs root")
	}
	state, err := os.MkdirTemp("/tmp", "jlt-") // where TMPDIR leads to may be a person's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(state) })
	c := &config.Config{State: state, Run: t.TempDir()}
	reports := filepath.Join(Logs(c), "web", "1")
	err = os.MkdirAll(reports, 0o755)
	for _, folder := range []string{Logs(c), filepath.Dir(reports), reports} { // whatever the umask is
		err = errors.Join(err, os.Chmod(folder, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	const first, other = 100000, 1000
	if base.Passable(reports, first) == nil {
		t.Error("they come to them before they are let")
	}
	for range 2 {
		if err := letGroupPass(c, first); err != nil {
			t.Fatal(err)
		}
		if err := base.Passable(reports, first); err != nil {
			t.Error(err)
		}
		if base.Passable(reports, other) == nil {
			t.Error("others come to them, too")
		}
	}
	lock, err := Lock(t.Context(), c)
	if err != nil {
		t.Fatalf("the folders are not ours any more: %v", err)
	}
	if second, err := Lock(t.Context(), c); !errors.Is(err, ErrBusy) {
		t.Errorf("a second one gets %v, %v", second, err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if second, err := Lock(over, c); !errors.Is(err, context.Canceled) {
		t.Errorf("one that is to stop gets %v, %v", second, err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}
