package deployer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

// world is a fake machine and its network, which obey the rules of the real
// ones and print themselves as text.
type world struct {
	dir string

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
	rewired int // how often on_rewire ran
	open    int // connections
}

var errInjected = errors.New("injected")

func newWorld(t *testing.T) *world {
	w := &world{
		dir: t.TempDir(), containers: map[string]*fakeContainer{}, leases: map[string]netip.Addr{},
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

func (w *world) Folder(name string) string { return filepath.Join(w.dir, name) }

func (w *world) States(context.Context) (map[string]int, error) {
	states := map[string]int{}
	return states, w.do("states", func() error {
		for name, c := range w.containers {
			states[name] = 0
			switch {
			case c.hangs:
				states[name] = -1
			case c.running:
				states[name] = c.init
			}
		}
		return nil
	})
}

func (w *world) Init(context.Context, string) (guest.Init, error) {
	return guest.Systemd, w.do("init", func() error { return nil })
}

func (w *world) Clone(_ context.Context, base, name string, config []string) error {
	return w.do("clone", func() error {
		if w.containers[name] != nil {
			return fmt.Errorf("%s exists", name)
		}
		c := &fakeContainer{base: base, files: map[string]string{}}
		for _, item := range config {
			if value, found := strings.CutPrefix(item, "address = "); found {
				c.address = netip.MustParsePrefix(value).Addr()
			}
		}
		w.containers[name] = c
		return nil
	})
}

func (w *world) Lend(string, string) error { return nil }

func (w *world) Fill(_ context.Context, name string, files []guest.File) error {
	return w.do("fill", func() error {
		c := w.containers[name]
		if c == nil || c.running {
			return fmt.Errorf("%s is not there or runs", name)
		}
		for _, f := range files {
			c.files[f.Name] = string(f.Data) + f.Link
		}
		return nil
	})
}

func (w *world) Start(_ context.Context, name string) (int, error) {
	init := 0
	err := w.do("start", func() error {
		c := w.containers[name]
		if c == nil {
			return fmt.Errorf("%s is not there", name)
		}
		if c.hangs {
			return fmt.Errorf("%s does not answer", name)
		}
		if !c.running {
			w.inits++
			c.running, c.init = true, w.inits
		}
		if _, ready := c.files[guest.ReadyFile]; ready {
			c.unit = true
		}
		init = c.init
		return nil
	})
	return init, err
}

// find gives the container with that init.
func (w *world) find(init int) (string, *fakeContainer) {
	for name, c := range w.containers {
		if c.running && c.init == init {
			return name, c
		}
	}
	return "", nil
}

func (w *world) Alive(init int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, c := w.find(init)
	return c != nil
}

func (w *world) Stop(_ context.Context, name string, _ time.Duration) error {
	return w.do("stop", func() error {
		if c := w.containers[name]; c != nil {
			c.running, c.unit, c.hangs = false, false, false
		}
		return nil
	})
}

func (w *world) Destroy(_ context.Context, name string) error {
	return w.do("destroy", func() error {
		if c := w.containers[name]; c != nil && (c.running || c.hangs) {
			return fmt.Errorf("%s is running", name)
		} else if c != nil && c.busy {
			return fmt.Errorf("something is mounted in %s", name)
		}
		delete(w.containers, name)
		return os.RemoveAll(w.Folder(name))
	})
}

func (w *world) Run(_ context.Context, name string, argv []string) ([]byte, error) {
	return nil, w.do("run", func() error {
		c := w.containers[name]
		if c == nil || !c.running {
			return fmt.Errorf("%s does not run", name)
		}
		switch {
		case slices.Equal(argv, guest.Systemd.Start()):
			c.unit = true
		case slices.Equal(argv, guest.Systemd.Stop()):
			c.unit = false
		default:
			c.rewired++
		}
		return nil
	})
}

func (w *world) Kill(_ context.Context, name string) error {
	return w.do("kill", func() error {
		c := w.containers[name]
		if c == nil || !c.running {
			return fmt.Errorf("%s does not run", name)
		}
		c.unit = false
		return nil
	})
}

func (w *world) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	return []netip.Addr{w.containers[name].address}, nil
}

func (w *world) Root(init int) (Root, error) {
	r := &fakeRoot{w: w}
	return r, w.do("root", func() error {
		if _, r.c = w.find(init); r.c == nil {
			return fmt.Errorf("no process %d", init)
		}
		return nil
	})
}

func (w *world) Connections(init int, _ uint16) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, c := w.find(init)
	if c == nil {
		return 0, fmt.Errorf("no process %d", init)
	}
	return c.open, nil
}

func (w *world) Memory(init int) (int64, error) { return int64(init) * 1000, nil }

func (w *world) Lease(_ context.Context, name string) (netip.Prefix, error) {
	var p netip.Prefix
	return p, w.do("lease", func() error {
		if _, held := w.leases[name]; !held {
			w.last = w.last.Next()
			w.leases[name] = w.last
		}
		p = netip.PrefixFrom(w.leases[name], 24)
		return nil
	})
}

func (w *world) Hold(name string, a netip.Addr) error {
	return w.do("hold", func() error { w.leases[name] = a; return nil })
}

func (w *world) Release(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.leases, name)
}

func (w *world) SetNames(root Root, names map[string]netip.Addr) (bool, error) {
	changed := false
	return changed, w.do("names", func() error {
		c := root.(*fakeRoot).c
		changed = !maps.Equal(c.names, names)
		c.names = maps.Clone(names)
		return nil
	})
}

func (w *world) SetPorts(_ context.Context, targets map[string]netip.AddrPort, _ map[string]netip.Addr) error {
	return w.do("ports", func() error { w.ports = maps.Clone(targets); return nil })
}

func (w *world) RepairPorts(_ context.Context, targets map[string]netip.AddrPort, _ map[string]netip.Addr) (bool, error) {
	changed := false
	return changed, w.do("repair ports", func() error {
		changed = !maps.Equal(w.ports, targets)
		w.ports = maps.Clone(targets)
		return nil
	})
}

func (w *world) Items(p netip.Prefix) []string { return []string{"address = " + p.String()} }

func (w *world) Forget(netip.Addr) error { return w.do("forget", func() error { return nil }) }

func (w *world) Nameserver() netip.Addr { return netip.Addr{} }

// probe finds a service well that runs.
func (w *world) probe(_ context.Context, address, _ string) error {
	return w.do("probe", func() error {
		for name, c := range w.containers {
			if strings.HasPrefix(address, w.leases[name].String()+":") && c.unit {
				return nil
			}
		}
		return errors.New("connection refused")
	})
}

type fakeRoot struct {
	w *world
	c *fakeContainer
}

func (r *fakeRoot) ReadFile(name string) ([]byte, error) {
	text, found := r.c.files[name]
	if !found {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (r *fakeRoot) WriteFile(name string, data []byte, _ fs.FileMode) error {
	return r.w.do("write", func() error { r.c.files[name] = string(data); return nil })
}

func (r *fakeRoot) CopyTree(_ context.Context, src, dst string) error {
	return r.w.do("copy", func() error {
		return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			r.c.files[filepath.Join(dst, strings.TrimPrefix(path, src))] = string(text)
			return err
		})
	})
}

func (r *fakeRoot) OpenGate() error {
	return r.w.do("gate", func() error { r.c.unit = true; return nil })
}

func (r *fakeRoot) Open(string) (*os.File, error) { return nil, fs.ErrNotExist }
func (r *fakeRoot) Glob(string) ([]string, error) { return nil, nil }
func (r *fakeRoot) Close() error                  { return nil }
