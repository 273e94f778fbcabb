package base

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// defaultTimeout is how long a build may take where Store does not say.
const defaultTimeout = 30 * time.Minute

// errMissing says that a container that the recipe says exists does not.
var errMissing = errors.New("there is no such container")

// Ensure gives the name of the container that is the recipe's base, and
// builds it first if it is not there. If it is, that costs a read and a stat.
// built says whether this call built it: of two calls at once, in whatever
// process, one builds and the other waits. When Ensure fails, or ctx ends,
// nothing of the build is left.
func (s *Store) Ensure(ctx context.Context, r Recipe) (container string, built bool, err error) {
	container = r.Container()
	if err := r.Check(); err != nil {
		return "", false, fmt.Errorf("base %s: %w", r.Name, err)
	}
	if _, there := s.There(r); there && !onDisk(lockFile(s.folder(container))) { // which a kill leaves
		return container, false, nil
	}
	if r.Exists() {
		return "", false, fmt.Errorf("base %s: %w in %s: make it with lxc-create, or give the base a distribution or a template",
			r.Name, errMissing, s.Path)
	}
	j := s.newJob("building", r, s.estimate(r.Name))
	built, err = s.make(ctx, r, j, func(root string) (content, error) {
		limit := cmp.Or(s.Timeout, defaultTimeout)
		ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %s: %w", limit, context.DeadlineExceeded))
		defer cancel()
		config, err := rootfs.Build(ctx, r, root, j)
		return content{config: config}, err
	})
	if err != nil {
		return "", false, fmt.Errorf("build base %s: %w", container, err)
	}
	return container, built, nil
}

// There gives the name of the container that is the recipe's base, and says
// whether it is there and complete. It costs a read and a stat.
func (s *Store) There(r Recipe) (container string, there bool) {
	container = r.Container()
	dir := s.folder(container)
	if r.Exists() {
		return container, onDisk(configOf(dir))
	}
	return container, ready(dir, r.Hash())
}
