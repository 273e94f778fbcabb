package lxc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/sockets"
)

// Listening gives what the service of an instance listens on. The kernel there
// names the sockets (sock_diag(7)), and their processes say whose they are.
func (e *Engine) Listening(ctx context.Context, name string) ([]deployer.Listener, error) {
	all, err := within(ctx, e, name, quick, func(h *handle) ([]deployer.Listener, error) {
		all, err := listening(h.init.pid)
		if err == nil && !h.alive() { // whose they are is not known
			err = deployer.ErrStopped
		}
		return all, err
	})
	if err != nil {
		return nil, fmt.Errorf("look what %s listens on: %w", name, err)
	}
	return all, nil
}

// listening is Listening of a container by its init.
func listening(init int) ([]deployer.Listener, error) {
	kernel, err := diagnosis(init)
	if err != nil {
		return nil, err
	}
	defer kernel.Close()
	inside, err := insideOf(init)
	if err != nil {
		return nil, err
	}
	return sockets.Listening(kernel, inside)
}

// insideOf says whether a process is in the container of an init, by a function.
func insideOf(init int) (func(pid int) bool, error) {
	container, err := os.Readlink(processFile(init, "ns/pid"))
	return func(pid int) bool {
		space, err := os.Readlink(processFile(pid, "ns/pid"))
		return err == nil && space == container // else it is another's, or has ended
	}, err
}

func processFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
