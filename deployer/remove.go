package deployer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// RemoveAll removes every generation that there is any trace of, of whatever
// service, and nothing that has no record of ours. No Deployer may run. It
// gives the names of those that are gone; the error is about the others.
func RemoveAll(ctx context.Context, m Machine) (removed []string, err error) {
	files, err := filepath.Glob(m.Folder("*") + "/" + recordFile)
	if err != nil {
		return nil, err
	}
	halfGone, err := findHalfGone(m)
	for _, name := range halfGone {
		err = errors.Join(err, removeContainer(ctx, m, name, 0))
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		r, e := readRecord(filepath.Dir(file))
		if _, _, ok := parseName(name); !ok || e == nil && r.Name() != name {
			err = errors.Join(err, fmt.Errorf("%s: there is a record of ours in a folder that is no generation's: remove it by hand", file))
			continue
		}
		if e := removeContainer(ctx, m, name, time.Second); e != nil {
			err = errors.Join(err, e)
			continue
		}
		removed = append(removed, name)
	}
	return removed, err
}

// removeContainer stops a container of ours and removes it.
func removeContainer(ctx context.Context, m Machine, name string, grace time.Duration) error {
	if err := m.Stop(ctx, name, grace); err != nil {
		return err
	}
	return destroy(ctx, m, name)
}
