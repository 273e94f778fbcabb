package watcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// copy makes an artefact set of what was seen: copies it to the store, looks
// whether the source is still what was copied, and checks the copy. It can
// hang; of the lane it changes nothing but what is held. Unless it is the
// final time, JARs without an end are not worth a copy: a slow writer would
// have it made again and again.
func (l *lane) copy(ctx context.Context, seen view, since time.Time, final bool, beat func()) (found, error) {
	h := l.how
	h.beat, h.fresh, h.enter = beat, seen.fs.mode == Poll, func(string) {}
	fd, err := l.place.open()
	if err != nil {
		return found{}, err
	}
	defer unix.Close(fd)
	if reason := endless(fd, seen.entries, h); reason != "" && !final {
		return found{reason: reason}, nil
	}
	home := filepath.Join(l.options.Store, l.service.Name)
	// A lane makes one copy at a time: what is there is of one that failed.
	if err := errors.Join(os.MkdirAll(home, 0o700), removeHalfMade(home)); err != nil {
		return found{}, fmt.Errorf("%w: %w", errKeep, err)
	}
	tmp, err := os.MkdirTemp(home, incoming)
	if err != nil {
		return found{}, fmt.Errorf("%w: %w", errKeep, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }() // gone already when all went well; else the next copy removes it
	if err := os.Chmod(tmp, 0o755); err != nil {
		return found{}, fmt.Errorf("%w: %w", errKeep, err)
	}
	files, err := l.copyStill(ctx, fd, seen.snapshot, tmp, h)
	if err != nil {
		return found{}, err
	}

	id := identify(files)
	set := Set{Service: l.service.Name, ID: id, Dir: filepath.Join(home, id), Files: files, Seen: since}
	main, _ := mainJAR(l.service.Runs, seen.entries)
	reason, err := checkFiles(ctx, tmp, files, main, beat)
	if err != nil {
		return found{}, fmt.Errorf("%w: %w", errKeep, err)
	}
	if reason != "" {
		return found{set, reason}, nil
	}
	l.hold(id)
	if err := install(ctx, tmp, set.Dir); err != nil {
		return found{}, fmt.Errorf("%w: %w", errKeep, err)
	}
	return found{set: set}, nil
}

// copyStill copies into dir, and is errMoved unless the source is afterwards
// what was seen before.
func (l *lane) copyStill(ctx context.Context, fd int, seen snapshot, dir string, h how) ([]File, error) {
	files, err := copyFiles(ctx, fd, seen.entries, dir, h)
	if err != nil {
		return nil, err
	}
	after, err := scan(ctx, fd, h)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", l.place.dir, err)
	}
	if !after.equal(seen) {
		return nil, errMoved
	}
	return files, nil
}

// hold keeps a set from being pruned before anybody has heard of it.
func (l *lane) hold(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.held, id) {
		l.held = append(l.held, id)
	}
}

// release lets go of all sets but the one that was told last.
func (l *lane) release(last string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = []string{last}
}

// prune is Prune, but for the sets that are held. The lock keeps a set from
// being taken up anew in the middle.
func (l *lane) prune(keep map[string]bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := maps.Clone(keep)
	if kept == nil {
		kept = make(map[string]bool)
	}
	for _, id := range l.held {
		kept[id] = true
	}
	return Prune(l.options.Store, l.service.Name, kept)
}
