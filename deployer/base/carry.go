package base

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// ErrNotBuilt says that a base is not there, or not complete.
var ErrNotBuilt = errors.New("it is not built")

// Carry has use take the recipe's base elsewhere, from its root. It has to be
// complete; nobody removes it meanwhile. When its build began and how long that
// lasted is in what use is given.
func (s *Store) Carry(ctx context.Context, r Recipe, use func(b Base, root string, p rootfs.Progress) error) error {
	j := s.newJob("sending", r, 0)
	defer j.end()
	dir := s.folder(r.Container())
	unlock, err := lock(ctx, dir, j.wait)
	if err != nil {
		return fmt.Errorf("send base %s: %w", r.Container(), err)
	}
	defer unlock()
	j.locked()
	m, err := readMark(dir)
	if err != nil || !ready(dir, r.Hash()) {
		return fmt.Errorf("send base %s: %w", r.Container(), ErrNotBuilt)
	}
	b := Base{Container: m.Container, Name: m.Recipe.Name, Hash: m.Hash, Begun: m.Begun.Round(time.Second), Took: m.Took, Complete: true}
	if err := use(b, rootOf(dir), j); err != nil {
		return fmt.Errorf("send base %s: %w", r.Container(), err)
	}
	return nil
}
