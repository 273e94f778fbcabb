package incus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// Memory gives how many bytes of memory an instance holds, as its member counts them.
func (e *Engine) Memory(ctx context.Context, name string) (int64, error) {
	ctx, cancel := e.on(ctx, name)
	defer cancel()
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

// Space gives what is free in the pool on each member that has instances of ours, which
// are no more where the cluster is larger, and where the agent keeps what they print.
func (e *Engine) Space(ctx context.Context) ([]deployer.Space, error) {
	return anew(ctx, e.members, e.space)
}

func (e *Engine) space(ctx context.Context) ([]deployer.Space, error) {
	instances, err := e.members.instances(ctx)
	if err != nil {
		return nil, err
	}
	members := map[string]bool{}
	for _, i := range instances {
		if e.ours(i) && i.Status != "Error" { // of a member that is away
			members[i.Location] = true
		}
	}
	var all []deployer.Space
	for _, member := range slices.Sorted(maps.Keys(members)) {
		r, err := e.Client.PoolResources(ctx, e.Pool, member)
		if err != nil {
			return nil, fmt.Errorf("look at the pool %s on %s: %w", e.Pool, member, err)
		}
		all = append(all, deployer.Space{
			Where: "pool " + e.Pool + " on " + member, Bytes: r.Space.Free(), Files: r.Inodes.Free(), NoFiles: r.Inodes.Total == 0,
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
