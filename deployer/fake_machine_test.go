package deployer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

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
			c.unit, c.cached = true, c.names
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
			w.hurt("stop", name)
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
			c.unit, c.cached = true, c.names
		case slices.Equal(argv, guest.Systemd.Stop()):
			w.hurt("stop the unit of", name)
			c.unit = false
		default:
			c.rewired++
			c.cached = c.names
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
		w.hurt("kill", name)
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
