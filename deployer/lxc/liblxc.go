//go:build cgo

package lxc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	lxc "github.com/lxc/go-lxc"
	"golang.org/x/sys/unix"
)

// Version gives the version of liblxc, such as 5.0.2. It calls nothing that
// changes anything, so it needs no child.
func Version() (string, error) { return lxc.Version(), nil }

// withContainer calls do with a handle on a container. An error comes back
// with what liblxc logged meanwhile, because go-lxc's own carries no cause.
func withContainer(path, name string, do func(*lxc.Container) error) error {
	config := filepath.Join(path, name, "config")
	c, err := lxc.NewContainer(name, path)
	if _, gone := os.Stat(config); err != nil && errors.Is(gone, fs.ErrNotExist) {
		c, err = lxc.NewContainer(name, path) // another removed it after liblxc had seen it
	}
	if err != nil {
		return fmt.Errorf("%w: mend %s; lxc-info -P %s -n %s says what is wrong with it", err, config, path, name)
	}
	defer c.Release()
	// In memory, because the log stays open in the monitor that a start
	// leaves behind, when files and pipes of this process are long gone.
	fd, err := unix.MemfdCreate("liblxc.log", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	log := os.NewFile(uintptr(fd), "liblxc.log")
	defer log.Close()
	if err := errors.Join(c.SetLogFile(fmt.Sprintf("/proc/self/fd/%d", fd)), c.SetLogLevel(lxc.ERROR)); err != nil {
		return fmt.Errorf("open a log: %w", err)
	}
	if err = do(c); err == nil {
		return nil
	}
	said, _ := io.ReadAll(io.NewSectionReader(log, 0, 64<<10))
	return withOutput(err.Error(), logPrefix.ReplaceAllString(string(said), ""))
}

// silence is how long a monitor may take to answer. One whose container hangs
// in its start never does, and liblxc 5.0.2 waits for it for ever.
const silence = 2 * time.Second

// logPrefix is what a line of liblxc's log begins with: the container, the time
// and the place in its source (log.c, log_append_logfile).
var logPrefix = regexp.MustCompile(`(?m)^lxc \S+ [0-9.]+ [A-Z]+ +\S+ - \S+ - `)

func states(r request) (answer, error) {
	type state struct {
		name string
		init int
	}
	found := make(chan state)
	containers := lxc.DefinedContainers(r.Path)
	a := answer{States: map[string]int{}}
	if r.Name != "" {
		containers = slices.DeleteFunc(containers, func(c *lxc.Container) bool { return c.Name() != r.Name })
	}
	for _, c := range containers {
		a.States[c.Name()] = onItsWay
		go func() {
			s := state{name: c.Name()}
			if c.State() != lxc.STOPPED {
				s.init = c.InitPid() // -1 while it is between two states
			}
			c.Release()
			found <- s
		}()
	}
	late := time.After(silence)
	for range containers {
		select {
		case s := <-found:
			a.States[s.name] = s.init
		case <-late:
			return a, nil // this process ends, and with it those that wait
		}
	}
	return a, nil
}

// onItsWay is the init of a container that is not stopped, and not running.
const onItsWay = -1

func start(r request) (answer, error) {
	a := answer{}
	if r.Idle {
		if err := beIdle(); err != nil {
			return a, err
		}
	}
	err := withContainer(r.Path, r.Name, func(c *lxc.Container) error {
		if !c.Running() {
			if err := c.Start(); err != nil {
				return err
			}
		}
		a.Init = c.InitPid()
		if a.Init <= 0 {
			return errors.New("its init ended at once")
		}
		return nil
	})
	return a, err
}

func stop(r request) error {
	// Whoever waits for a monitor is told that it is gone.
	hangs := time.AfterFunc(2*r.Grace+silence, func() { _ = killMonitors(r.Path, r.Name) })
	defer hangs.Stop()
	err := withContainer(r.Path, r.Name, func(c *lxc.Container) error {
		if !c.Defined() || !c.Running() {
			return nil
		}
		if r.Grace > 0 {
			// In whole seconds; a part of one would be no wait at all
			// (lxccontainer.c:2131).
			grace := (r.Grace + time.Second - 1).Truncate(time.Second)
			if c.Shutdown(grace) == nil && !c.Running() {
				// STOPPED is announced before the monitor is through with it.
				awaitMonitors(r.Path, r.Name)
				return nil
			}
		}
		if err := c.Stop(); err != nil && c.Running() {
			return err
		}
		awaitMonitors(r.Path, r.Name)
		return nil
	})
	return errors.Join(err, killMonitors(r.Path, r.Name))
}

func destroy(r request) error {
	if left := monitors(r.Path, r.Name); len(left) > 0 {
		return fmt.Errorf("it is running, or being started: its monitor is process %d", left[0])
	}
	if err := unmounted(filepath.Join(r.Path, r.Name)); err != nil {
		return err
	}
	err := withContainer(r.Path, r.Name, func(c *lxc.Container) error {
		if !c.Defined() {
			return nil
		}
		return c.Destroy()
	})
	if err != nil {
		return err
	}
	removeCgroups(r.Name)
	removeProfiles("/", r.Path, r.Name)
	// A clone that was cut off before it had a configuration is no container
	// for liblxc, but its folder is there.
	return os.RemoveAll(filepath.Join(r.Path, r.Name))
}

func addresses(r request) (answer, error) {
	a := answer{}
	err := withContainer(r.Path, r.Name, func(c *lxc.Container) error {
		if !c.Running() {
			return errors.New("it is not running")
		}
		found, err := c.IPv4Addresses()
		if err != nil && !errors.Is(err, lxc.ErrIPv4Addresses) {
			return err
		}
		for _, text := range found {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return err
			}
			a.Addresses = append(a.Addresses, addr)
		}
		return nil
	})
	return a, err
}
