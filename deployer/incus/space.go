package incus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// Memory gives how many bytes of memory an instance holds, as its member counts them.
func (e *Engine) Memory(ctx context.Context, name string) (int64, error) {
	i, err := e.running(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", name, err)
	}
	state, err := e.Client.State(ctx, i.Name)
	if err == nil && state.Memory.Usage <= 0 {
		err = errors.New("its member does not count it")
	}
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", name, err)
	}
	return state.Memory.Usage, nil
}

// Space gives what is free in the pool of instances on each member that answers, and
// where the agent keeps what they print.
func (e *Engine) Space(ctx context.Context) ([]deployer.Space, error) {
	members, err := e.Client.Members(ctx)
	if err != nil {
		return nil, err
	}
	var all []deployer.Space
	for _, m := range members {
		if m.Status != "Online" {
			continue
		}
		r, err := e.Client.PoolResources(ctx, e.Pool, m.Name)
		if err != nil {
			return nil, fmt.Errorf("look at the pool %s on %s: %w", e.Pool, m.Name, err)
		}
		all = append(all, deployer.Space{
			Where: "pool " + e.Pool + " on " + m.Name, Bytes: r.Space.Total - min(r.Space.Used, r.Space.Total),
			Files: r.Inodes.Total - min(r.Inodes.Used, r.Inodes.Total), NoFiles: r.Inodes.Total == 0,
		})
	}
	var s unix.Statfs_t
	err = unix.Statfs(e.Logs, &s)
	if errors.Is(err, fs.ErrNotExist) { // the first instance makes it
		err = unix.Statfs(filepath.Dir(e.Logs), &s)
	}
	if err != nil {
		return nil, fmt.Errorf("look at the disk of %s: %w", e.Logs, err)
	}
	return append(all, deployer.Space{Where: e.Logs, Bytes: s.Bavail * uint64(s.Bsize), Files: s.Ffree, NoFiles: s.Files == 0}), nil
}
