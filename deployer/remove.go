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
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		if _, _, ok := parseName(name); !ok {
			err = errors.Join(err, fmt.Errorf("%s: there is a record of ours in a folder that is no generation's: remove it by hand", file))
			continue
		}
		e := m.Stop(ctx, name, time.Second)
		if e == nil {
			e = m.Destroy(ctx, name)
		}
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		removed = append(removed, name)
	}
	return removed, err
}
