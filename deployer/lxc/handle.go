package lxc

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/jarloop/jarloop/deployer/guest"
)

// handle is what is open of a running instance.
type handle struct {
	init *process
	root *guest.Root
	// address is the zero value until DHCP has given one.
	address atomic.Value // netip.Addr

	users   int  // guarded by the table
	retired bool // as above: the last user closes
}

// openHandle opens a running instance by the process ID of its init.
func openHandle(pid int, address netip.Addr) (*handle, error) {
	init, err := holdInit(pid)
	if err != nil {
		return nil, err
	}
	root, err := guest.OpenRoot(filepath.Join("/proc", strconv.Itoa(pid), "root"))
	if err == nil && !init.alive() { // whose root that is is not known
		err = errors.Join(fmt.Errorf("process %d has ended", pid), root.Close())
	}
	if err != nil {
		init.close()
		return nil, err
	}
	h := &handle{init: init, root: root}
	h.address.Store(address)
	return h, nil
}

func (h *handle) alive() bool { return h.init.alive() }

func (h *handle) close() {
	h.init.close()
	_ = h.root.Close() // a descriptor that is only read through
}

// table has the handles of instances, by name, and which report of an end does
// not count any more, since the service was started after it.
type table struct {
	mu      sync.Mutex
	handles map[string]*handle
	ignored map[string]reportID
}

// reportID tells one report of an end from the next.
type reportID struct {
	inode            uint64
	changed, written int64
}

// use gives the newest handle of an instance, nil if there is none. It is not
// closed before release is called.
func (t *table) use(name string) (h *handle, release func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h = t.handles[name]
	if h == nil {
		return nil, func() {}
	}
	h.users++
	return h, sync.OnceFunc(func() { t.release(h) })
}

func (t *table) release(h *handle) {
	t.mu.Lock()
	h.users--
	last := h.retired && h.users == 0
	t.mu.Unlock()
	if last {
		h.close()
	}
}

// set makes h the handle of an instance, nil that it has none. The one before is
// closed when nobody uses it any more.
func (t *table) set(name string, h *handle) {
	t.mu.Lock()
	old := t.handles[name]
	last := false
	if old != nil {
		old.retired = true
		last = old.users == 0
	}
	if h == nil {
		delete(t.handles, name)
	} else {
		t.handles[name] = h
	}
	t.mu.Unlock()
	if last {
		old.close()
	}
}

// ignore says which report of an end does not count; the zero value is that each
// does.
func (t *table) ignore(name string, report reportID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if report == (reportID{}) {
		delete(t.ignored, name)
	} else {
		t.ignored[name] = report
	}
}

func (t *table) counts(name string, report reportID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ignored[name] != report
}

// names gives those of which there is a handle.
func (t *table) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for name := range t.handles {
		names = append(names, name)
	}
	return names
}
