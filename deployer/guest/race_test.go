package guest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNothingEscapesWhileFoldersAreExchanged has a container that exchanges
// the parent of what is written with a link to a folder of the host, as fast
// as it can, while everything that writes is called.
func TestNothingEscapesWhileFoldersAreExchanged(t *testing.T) {
	r, inside, outside := image(t)
	plant(t, inside, map[string]string{"app/set/hosts": "inside"})
	must(t, os.Symlink(outside, filepath.Join(inside, "trap")))
	must(t, os.Symlink("../../../../../../../../"+outside, filepath.Join(inside, "trap2")))
	src := t.TempDir()
	plant(t, src, map[string]string{"hosts": "evil", "sub/x": "evil"})

	const patience = 3 * time.Minute
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var attacker sync.WaitGroup
	var exchanged atomic.Int64
	attacker.Go(func() {
		for ctx.Err() == nil {
			for _, trap := range []string{"trap", "trap2"} {
				for _, victim := range []string{"app", "app/set"} {
					if unix.Renameat2(unix.AT_FDCWD, inside+"/"+victim, unix.AT_FDCWD, inside+"/"+trap, unix.RENAME_EXCHANGE) == nil {
						exchanged.Add(1)
					}
				}
			}
		}
	})
	calls, done := 0, 0
	const rounds = 3000
	for round := 0; round < rounds || exchanged.Load() < rounds; round++ {
		if ctx.Err() != nil {
			t.Fatalf("after %s %d exchanges and %d rounds", patience, exchanged.Load(), round)
		}
		for _, err := range []error{
			r.WriteFile("/app/hosts", []byte("evil"), 0o644),
			r.WriteFile("/app/set/hosts", []byte("evil"), 0o644),
			r.WriteFiles([]File{{Name: "/app/link", Link: "/etc"}}),
			r.WriteFile("/app/folder/in/hosts", nil, 0o644),
			removed(r, "/app/hosts"),
			r.CopyTree(ctx, src, "/app/set"),
			r.CopyTree(ctx, src, "/app"),
		} {
			if calls++; err == nil {
				done++
			}
		}
		for _, name := range []string{"/app/hosts", "/app/set/hosts"} {
			if data, err := r.ReadFile(name); err == nil && string(data) == "canary" {
				t.Fatal("a byte of the host was read")
			}
		}
	}
	stop()
	attacker.Wait()
	untouched(t, outside)
	if done == 0 {
		t.Error("not one of the calls did anything: the race was not run")
	}
	t.Logf("%d of %d calls found their way inside, through %d exchanges", done, calls, exchanged.Load())
	// The root's own parents hold what they held.
	entries, err := os.ReadDir(filepath.Dir(inside))
	must(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if slices.Sort(names); !slices.Equal(names, []string{"host", "root"}) {
		t.Errorf("beside the root: %q", names)
	}
}
