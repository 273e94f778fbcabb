package incus_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestMain takes the cluster down that tests have brought up.
func TestMain(m *testing.M) {
	code := m.Run()
	if broughtUp.Load() {
		if out, err := lab("down"); err != nil {
			fmt.Fprintf(os.Stderr, "take the cluster down: %v: %s\n", err, out)
			code = 1
		}
	}
	if dir, err := programs(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// programs is where those of these tests are, each built by the first that needs it.
var programs = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "incus-") })

var (
	buildGuest    = building("guest", "../../cmd/guest", "", "CGO_ENABLED=0")
	buildPair     = building("pair", "./testdata/pair", "", "CGO_ENABLED=0")
	buildJarloop  = building("jarloop", "../../cmd/jarloop", "")
	buildCrashing = building("crashing", "../../cmd/jarloop", "crashpoints")
)

// building gives what builds a program once, and gives its file.
func building(name, source, tags string, environment ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir, err := programs()
		if err != nil {
			return "", err
		}
		file := filepath.Join(dir, name)
		build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-tags", tags, "-o", file, source)
		build.Env = slices.Concat(os.Environ(), []string{"GOFLAGS="}, environment)
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w: %s", source, err, out)
		}
		return file, nil
	})
}

// cluster is one that is up.
type cluster struct {
	client  *api.Client
	program string
	address atomic.Uint32
	owners  atomic.Uint32
}

const gateway = "10.88.0.1"

// kept says that somebody keeps a cluster up, whose address this is.
const kept = "JARLOOP_INCUS"

// newCluster gives the one of these tests, brought up by the first that needs it, or
// that which somebody keeps up while working on the engine. Where this machine cannot
// have one, the test is skipped with the reason.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("bringing a cluster up takes its time")
	}
	address, err := bringUp()
	if cannot, is := errors.AsType[errCannot](err); is {
		t.Skip(string(cannot))
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err := buildGuest()
	if err != nil {
		t.Fatal(err)
	}
	client, err := api.New(api.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &cluster{client: client, program: program}
}

// errCannot says why this machine cannot have a cluster.
type errCannot string

func (e errCannot) Error() string { return string(e) }

var broughtUp atomic.Bool

// bringUp gives the address of a member, once for all tests.
var bringUp = sync.OnceValues(up)

// takeDown has the next test that needs a cluster bring up another one.
func takeDown(t testing.TB) {
	t.Helper()
	if !broughtUp.Load() {
		return
	}
	if out, err := lab("down"); err != nil {
		t.Errorf("take the cluster down: %v: %s", err, out)
	}
	broughtUp.Store(false)
	bringUp = sync.OnceValues(up)
}

func up() (address string, err error) {
	const cannot = 77
	if address := os.Getenv(kept); address != "" {
		return address, nil
	}
	if err := alone(); err != nil {
		return "", err
	}
	broughtUp.Store(true)
	out, err := lab("up", "3")
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == cannot {
		broughtUp.Store(false)
		return "", errCannot(out)
	}
	if err != nil {
		return "", fmt.Errorf("bring a cluster up: %w: %s", err, out)
	}
	address, err = lab("socket", "m1")
	if err != nil {
		return "", fmt.Errorf("find its socket: %w: %s", err, address)
	}
	return address, nil
}

// machine is held by the tests that have the cluster of this machine, of which there is one.
// It ends with their process, so that the next ones know what is left of a cluster as that.
var machine = flock.New("/run/lock/jarloop-cluster")

// alone waits until no other tests have the cluster.
func alone() error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	if _, err := machine.TryLockContext(ctx, time.Second); err != nil {
		return fmt.Errorf("other tests have the cluster of this machine (%s): %w", machine.Path(), err)
	}
	return nil
}

// lab does something with the cluster of these tests.
func lab(verb ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "testdata/cluster", verb...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// socket is where the cluster is asked.
func (c *cluster) socket(t *testing.T) string {
	t.Helper()
	address, err := bringUp()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// next gives an address that nobody has had.
func (c *cluster) next() netip.Prefix {
	n := c.address.Add(1)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 88, 0, byte(2 + n%250)}), 24)
}
