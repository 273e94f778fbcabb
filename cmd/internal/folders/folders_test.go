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
	c := &config.Config{State: t.TempDir(), Run: t.TempDir()}
	for dir := filepath.Dir(c.State); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(c.State, 0o700); err != nil {
		t.Fatal(err)
	}
	reports := filepath.Join(Logs(c), "web", "1")
	if err := os.MkdirAll(reports, 0o755); err != nil {
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
