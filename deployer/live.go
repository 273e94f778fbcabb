package deployer

import (
	"context"
	"errors"
	"path/filepath"
)

// FindNewest gives the newest generation of a service that its record says to be in
// the phase, as the next agent would find it, and whether its container runs;
// "" where none is. It is for when no Deployer runs, which would know better.
func FindNewest(ctx context.Context, m Machine, service string, p Phase) (name string, running bool, err error) {
	files, err := filepath.Glob(filepath.Join(m.Folder(service+"-*"), recordFile))
	if err != nil {
		return "", false, err
	}
	newest := -1
	for _, file := range files {
		folder := filepath.Dir(file)
		r, err := readRecord(folder)
		if errors.Is(err, errNotOurs) {
			continue
		}
		if err != nil {
			return "", false, err
		}
		if r.Service == service && r.Phase == p && r.Number > newest && r.Name() == filepath.Base(folder) {
			name, newest = r.Name(), r.Number
		}
	}
	if name == "" {
		return "", false, nil
	}
	states, err := m.States(ctx)
	return name, states[name] > 0, err
}
