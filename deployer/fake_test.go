package deployer

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// world is a fake machine and its network, which obey the rules of the real
// ones and print themselves as text.
type world struct {
	dir  string
	logs string // the host's folder for what services print

	mu         sync.Mutex
	containers map[string]*fakeContainer
	leases     map[string]netip.Addr
	last       netip.Addr
	ports      map[string]netip.AddrPort
	inits      int // the newest process ID of an init

	// calls counts what was asked of the world. The call whose number is in
	// fail does not go well: nothing is done, or, if half is set, all is done
	// and an error is said nevertheless.
	calls int
	fail  map[int]bool
	half  bool
	// names of the calls, to find the one that a test is after
	log []string
	// failing is what the calls of a name fail with, each time.
	failing map[string]error
	// meanwhile is what others do just before the call of that name, once.
	meanwhile map[string]func()

	// acts counts what mortal counts. The one numbered deadly is not done any
	// more, nor is any after it; 0: none is.
	acts, deadly int
	sealed       bool // no record can be written
	// harm is what was done to those to whom ports led.
	harm []string
}

type fakeContainer struct {
	base    string
	running bool
	hangs   bool // in its start
	busy    bool // something is mounted in it
	init    int
	unit    bool // its service runs
	files   map[string]string
	names   map[string]netip.Addr
	address netip.Addr
	cached  map[string]netip.Addr // what its service has read last of names
	rewired int                   // how often reload_command ran
	open    int                   // connections
}

var errInjected = errors.New("injected")

func newWorld(t *testing.T) *world {
	w := &world{
		dir: t.TempDir(), logs: filepath.Join(t.TempDir(), "logs"), containers: map[string]*fakeContainer{}, leases: map[string]netip.Addr{},
		last: netip.MustParseAddr("10.0.3.127"), ports: map[string]netip.AddrPort{}, inits: 1, fail: map[int]bool{},
	}
	// A foreign container, which nothing may touch.
	w.containers["foreign-1"] = &fakeContainer{base: "elsewhere", running: true, init: 1}
	if err := os.Mkdir(w.Folder("foreign-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

// do makes one call of the world.
func (w *world) do(name string, effect func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.act() {
		return errDead
	}
	w.calls++
	w.log = append(w.log, name)
	if others := w.meanwhile[name]; others != nil {
		delete(w.meanwhile, name)
		others()
	}
	if err := w.failing[name]; err != nil {
		return err
	}
	if w.fail[w.calls] && !w.half {
		return errInjected
	}
	if err := effect(); err != nil {
		return err
	}
	if w.fail[w.calls] {
		return errInjected
	}
	return nil
}

// String is all that there is, but for what is never the same: times, and the
// numbers of processes.
func (w *world) String() string { return w.without("") }

// without is String but for one container, its folder and its lease.
func (w *world) without(container string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.containers)) {
		if name == container {
			continue
		}
		c := w.containers[name]
		fmt.Fprintf(&b, "container %s from %s running=%t unit=%t rewired=%d %v\n", name, c.base, c.running, c.unit, c.rewired, c.names)
		for _, file := range slices.Sorted(maps.Keys(c.files)) {
			fmt.Fprintf(&b, "  %s: %q\n", file, c.files[file])
		}
	}
	folders, _ := filepath.Glob(w.Folder("*"))
	for _, folder := range folders {
		if filepath.Base(folder) == container {
			continue
		}
		r, err := readRecord(folder)
		fmt.Fprintf(&b, "folder %s: %s %s %s %v\n", filepath.Base(folder), r.Phase, r.Set, r.Address, err)
	}
	leases := maps.Clone(w.leases)
	delete(leases, container)
	fmt.Fprintf(&b, "leases %v\nports %v\n", leases, w.ports)
	return b.String()
}
