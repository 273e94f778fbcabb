// Package lxc makes, starts, stops and removes containers with liblxc.
//
// liblxc forks, changes the umask of the process that calls it and can hang
// in a call that takes no deadline. So the agent never calls it: every call
// runs in a short-lived child, the same program under a hidden verb, that
// reads one request and writes one answer:
//
//	agent: Host.Clone ──▶ child: Serve ──▶ liblxc
//	          stdin   the request as JSON, then the data of the call, if it has any
//	          stdout  the answer as JSON
//	          stderr  what liblxc says: the cause of an error
//	          fd 3    never written to: it closes when the agent is gone, and
//	                  the child then ends itself and whatever it has started
//
// A call that outlives its context is killed with all that it started, but
// for containers: their monitors have sessions of their own and outlive child
// and agent.
//
// This is the only package that imports go-lxc, and only its child needs it:
// built without cgo, the package compiles and every call says that the program
// was built without liblxc.
package lxc

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// Deadlines of the calls that have no better one. They are generous: a call
// that meets one hangs.
const (
	quick  = 20 * time.Second // reads, and changes of a few files
	copied = 5 * time.Minute  // a full copy of a base
)

// Host is the containers below one lxc.path.
type Host struct {
	// Path is lxc.path, the folder of the containers.
	Path string
	// Child is the command that runs Serve, for instance
	// {"/proc/self/exe", "lxc-call"}.
	Child []string
}

// States gives the containers that exist below Path, by name, with the
// process ID of each one's init, 0 where it is stopped, and -1 where it is
// neither stopped nor running: it is being started, and may hang.
func (h *Host) States(ctx context.Context) (map[string]int, error) {
	a, err := h.call(ctx, quick, request{Op: opStates}, nil)
	if err != nil {
		return nil, fmt.Errorf("list the containers in %s: %w", h.Path, err)
	}
	return a.States, nil
}

// initOf gives the process ID of one container's init, in the words of States.
func (h *Host) initOf(ctx context.Context, name string) (int, error) {
	a, err := h.call(ctx, quick, request{Op: opStates, Name: name}, nil)
	if err != nil {
		return 0, fmt.Errorf("look for %s: %w", name, err)
	}
	return a.States[name], nil
}

// Clone makes the container name from base, which must be stopped. With
// backing "auto" the clone is a snapshot of whatever kind the base allows
// (overlay over a plain folder, a snapshot of a btrfs or zfs one); "overlay",
// "btrfs", "zfs" and "dir" (a full copy) ask for one kind. Then every item of
// config ("key = value") is set in the clone, over what came from the base.
//
// A clone that is cut off leaves a half container behind: Destroy removes it.
func (h *Host) Clone(ctx context.Context, base, name, backing string, config []string) error {
	_, err := h.call(ctx, copied, request{Op: opClone, Name: name, Base: base, Backing: backing, Config: config}, nil)
	if err != nil {
		return fmt.Errorf("clone %s from %s: %w", name, base, err)
	}
	return nil
}

// WriteFiles writes files (guest.File, as JSON) into the root of the stopped container
// name as its init will see it. The root is mounted for that time only and where
// only the child sees it.
func (h *Host) WriteFiles(ctx context.Context, name string, files io.Reader) error {
	if _, err := h.call(ctx, quick, request{Op: opWrite, Name: name}, files); err != nil {
		return fmt.Errorf("write into %s: %w", name, err)
	}
	return nil
}

// Start starts the container and gives the process ID of its init. It returns
// when init has been executed, long before the guest has booted. A container
// that runs already is no error.
func (h *Host) Start(ctx context.Context, name string) (int, error) {
	a, err := h.call(ctx, quick, request{Op: opStart, Name: name}, nil)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	return a.Init, nil
}

// StartIdle is Start of a container that runs when nothing else wants to.
func (h *Host) StartIdle(ctx context.Context, name string) (int, error) {
	a, err := h.call(ctx, quick, request{Op: opStart, Name: name, Idle: true}, nil)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	return a.Init, nil
}

// Stop asks init to halt and kills the container when that takes longer than
// grace, which liblxc takes in whole seconds: it is rounded up. A container
// that is stopped or gone is no error.
func (h *Host) Stop(ctx context.Context, name string, grace time.Duration) error {
	// With pidfds a shutdown may take twice its timeout (lxccontainer.c:2131).
	if _, err := h.call(ctx, 2*grace+quick, request{Op: opStop, Name: name, Grace: grace}, nil); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	return nil
}

// Destroy removes the stopped container, its folder and its mark in the base
// it was cloned from. One that is gone is no error; of one that was only half
// made, what there is goes.
func (h *Host) Destroy(ctx context.Context, name string) error {
	if _, err := h.call(ctx, copied, request{Op: opDestroy, Name: name}, nil); err != nil {
		return fmt.Errorf("destroy %s: %w", name, err)
	}
	return nil
}

// exitError says that a command inside a container ended with a status other
// than 0.
type exitError struct {
	Status int    // as a shell counts: 128+n for signal n
	Output string // what the command printed, both streams
}

func (e *exitError) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return fmt.Sprintf("exit status %d: %s", e.Status, e.Output)
}

// Run runs a command inside the running container, confined as its other
// processes are, with an environment of its own, and gives what it printed on
// both streams, at most 64 KiB. A status other than 0 is an error that
// says it, and what was printed.
func (h *Host) Run(ctx context.Context, name string, argv []string) ([]byte, error) {
	return h.run(ctx, quick, name, argv)
}

func (h *Host) run(ctx context.Context, deadline time.Duration, name string, argv []string) ([]byte, error) {
	a, err := h.call(ctx, deadline, request{Op: opRun, Name: name, Argv: argv}, nil)
	if err == nil && a.Status != 0 {
		err = &exitError{Status: a.Status, Output: string(a.Output)}
	}
	if err != nil {
		return nil, fmt.Errorf("run %q in %s: %w", argv, name, err)
	}
	return a.Output, nil
}

// Kill kills at once all that runs in the running container but its init, which
// may start things again.
func (h *Host) Kill(ctx context.Context, name string) error {
	if _, err := h.call(ctx, quick, request{Op: opKill, Name: name}, nil); err != nil {
		return fmt.Errorf("kill what runs in %s: %w", name, err)
	}
	return nil
}

// Addresses gives the IPv4 addresses that the running container has by now,
// loopback aside, in no order.
func (h *Host) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	a, err := h.call(ctx, quick, request{Op: opAddresses, Name: name}, nil)
	if err != nil {
		return nil, fmt.Errorf("read the addresses of %s: %w", name, err)
	}
	return a.Addresses, nil
}
