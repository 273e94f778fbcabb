package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// Base is one base of ours on disk.
type Base struct {
	Container string
	// Name is the base's name in the configuration that it was built from.
	Name string
	Hash string
	// Begun is when its build began, and Took how long the build lasted, 0
	// while it is not complete.
	Begun time.Time
	Took  time.Duration
	// Complete is false while it is built, and for what a killed build left.
	Complete bool
	// Clones are the containers that rest on it. Those are overlays: a full copy
	// or a snapshot of btrfs needs no base any more.
	Clones []string
	// Bytes is what it takes, where that is known without a look at its files; else 0.
	Bytes int64
}

// List gives the bases of ours below Path, by container name. A Path that is
// not there has none.
func (s *Store) List(context.Context) ([]Base, error) {
	entries, err := os.ReadDir(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the bases: %w", err)
	}
	var bases []Base
	for _, e := range entries {
		dir := s.folder(e.Name())
		m, err := readMark(dir)
		if err != nil {
			continue // not ours, or gone meanwhile
		}
		on, err := clones(dir)
		if err != nil {
			return nil, fmt.Errorf("list the bases: %w", err)
		}
		bases = append(bases, Base{
			Container: m.Container, Name: m.Recipe.Name, Hash: m.Hash, Begun: m.Begun, Took: m.Took, Complete: m.Complete, Clones: on,
		})
	}
	return bases, nil
}

// Size gives how many bytes of the disk a base takes, by a look at each of its
// files.
func (s *Store) Size(ctx context.Context, container string) (int64, error) {
	size, err := rootfs.Size(ctx, s.folder(container))
	if err != nil {
		return 0, fmt.Errorf("size of base %s: %w", container, err)
	}
	return size, nil
}

// estimate gives how long the newest complete build of the base called name
// took, 0 where there is none.
func (s *Store) estimate(name string) time.Duration {
	bases, err := s.List(context.Background())
	if err != nil {
		return 0 // only an estimate: the build itself will say what is wrong
	}
	var newest Base
	for _, base := range bases {
		if base.Name == name && base.Complete && base.Begun.After(newest.Begun) {
			newest = base
		}
	}
	return newest.Took
}
