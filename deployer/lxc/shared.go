package lxc

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/shared"
	"github.com/jarloop/jarloop/deployer/sockets"
)

// Shared files (package shared) are kept beside the containers, which see them all by one
// mount:
//
//	lxc.path/.jarloop-shared/    0755
//	  .of-<container>/           what a production writes to
const sharedBeside = ".jarloop-shared"

func (d disk) shared() string { return filepath.Join(d.path, sharedBeside) }

// makeShared makes the folder of shared files, for the root of every container to
// pass.
func (d disk) makeShared() error { return makePassable(d.shared(), 0o755) }

// dropShared removes the folder of shared files when it is empty and there is no
// container that has it.
func (d disk) dropShared() {
	if all, err := d.list(); err == nil && len(all) == 0 {
		_ = os.Remove(d.shared()) // it stays while something is in it
	}
}

// sharedMount is what mounts it into a container.
func (d disk) sharedMount() string {
	return "lxc.mount.entry = " + mountSource(d.shared()) + " " + strings.TrimPrefix(deployer.SharedFolder, "/") + " none bind,ro,create=dir 0 0"
}

// Share makes what write gives a shared file.
func (e *Engine) Share(ctx context.Context, name string, write func(io.Writer) error) error {
	folder := shared.Folder(e.disk.shared())
	_, err := folder.File(name)
	if err == nil {
		err = e.disk.makeShared()
	}
	if err == nil {
		err = folder.Add(ctx, name, write)
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	return nil
}

// Shared gives the shared files.
func (e *Engine) Shared(context.Context) ([]deployer.SharedFile, error) {
	all, err := shared.Folder(e.disk.shared()).All()
	if err != nil {
		return nil, fmt.Errorf("list shared files: %w", err)
	}
	return all, nil
}

// Unshare removes a shared file.
func (e *Engine) Unshare(_ context.Context, name string) error {
	if err := shared.Folder(e.disk.shared()).Remove(name); err != nil {
		return err
	}
	e.disk.dropShared()
	return nil
}

// Mapped gives the shared files that the service of an instance has in its memory.
func (e *Engine) Mapped(ctx context.Context, name string) ([]string, error) {
	defer crash.Point("look what is mapped")()
	all, err := within(ctx, e, name, quick, func(h *handle) ([]string, error) {
		var all []string
		inside, err := insideOf(h.init.pid)
		if err != nil {
			return nil, err
		}
		err = sockets.OfService(inside, func(pid int) {
			maps, _ := os.ReadFile(processFile(pid, "maps")) // of one that has ended it is empty
			all = append(all, shared.Mapped(string(maps), sharedBeside)...)
		})
		if err == nil && !h.alive() {
			err = deployer.ErrStopped
		}
		return all, err
	})
	if err != nil {
		return nil, fmt.Errorf("look what %s has in its memory: %w", name, err)
	}
	return all, nil
}
