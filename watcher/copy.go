package watcher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// wish is what a copy is to be made of.
type wish struct {
	seen  view
	since time.Time // when the files were first seen so
	final bool      // what is not whole will be refused

	sound   Set     // the last one that was read to its end; none: has no files
	unsound refusal // of the bytes that were last found not to be whole
}

// copy makes an artefact set of what was seen: copies it to the store, looks
// whether the source is still what was copied, and checks the copy. It can
// hang. Unless it is the final time, JARs without an end are not worth a copy:
// a slow writer would have it made again and again. The final time the copy is
// read to its end, else only its outline is checked and the set gets a Reading.
// Before the set gets its name, reserve is called with its ID.
func (f folder) copy(ctx context.Context, w wish, reserve func(id string), beat func()) (found, error) {
	h := how{match: f.match, fresh: w.seen.fs.mode == Poll, enter: func(string) {}, beat: beat}
	fd, err := f.place.open()
	if err != nil {
		return found{}, err
	}
	defer unix.Close(fd)
	if reason := unended(fd, w.seen.entries, h); reason != "" && !w.final {
		return found{reason: reason}, nil
	}
	home := filepath.Join(f.store, f.service.Name)
	if w.unsound.id != "" { // here, for what makes sets of a service is the copy alone
		if err := dropUnsound(filepath.Join(home, w.unsound.id)); err != nil {
			return found{}, keepError(err)
		}
	}
	tmp, err := makeIncoming(home)
	if err != nil {
		return found{}, keepError(err)
	}
	defer func() { _ = os.RemoveAll(tmp) }() // gone already when all went well; else the next copy removes it
	h.programs = f.service.programs(w.seen.names())
	files, err := f.copyStill(ctx, fd, w.seen.snapshot, tmp, h)
	if err != nil {
		return found{}, err
	}

	id := identify(files)
	set := Set{Service: f.service.Name, ID: id, Dir: filepath.Join(home, id), Files: files, Seen: w.since}
	if w.unsound.id == id {
		return found{set: set, reason: w.unsound.reason}, nil
	}
	var end func(error)
	read := wasRead(set.Dir)
	main, reason, err := checkFiles(ctx, Set{Dir: tmp, Files: files}, f.service, inspection{whole: w.final && !read, before: w.sound}, beat)
	if err != nil || reason != "" {
		return found{set: set, reason: reason}, keepError(err)
	}
	if !read && !w.final {
		if err := mark(set.Dir); err != nil {
			return found{}, keepError(err)
		}
		set.Reading, end = NewReading()
	}
	reserve(id)
	if err = install(ctx, tmp, set.Dir); err == nil && w.final {
		err = removeMark(set.Dir)
	}
	return found{set: set, note: f.note(main, w.seen), end: end}, keepError(err)
}

// note says which of several files is run.
func (f folder) note(main string, seen view) string {
	var all []string
	if len(seen.passed) > 0 {
		all = append(all, strings.Join(seen.passed, ", ")+" is passed over")
	}
	if several := candidates(f.service.Runs, seen.names()); len(several) > 1 {
		why := "the only one with a Main-Class"
		if slices.ContainsFunc(several, func(other string) bool { return Bundled([]string{main, other}) == main }) {
			why = "the one with its libraries in it"
		}
		all = append(all, show(main)+" runs, "+why)
	}
	return strings.Join(all, "; ")
}

// makeIncoming makes a folder for a copy. A service has one copy made at a time,
// so what is there already is of one that failed.
func makeIncoming(home string) (string, error) {
	if err := errors.Join(os.MkdirAll(home, 0o700), removeHalfMade(home)); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(home, incoming)
	if err != nil {
		return "", err
	}
	return tmp, os.Chmod(tmp, 0o755)
}

// copyStill copies into dir, and is errMoved unless the source is afterwards
// what was seen before.
func (f folder) copyStill(ctx context.Context, fd int, seen snapshot, dir string, h how) ([]File, error) {
	files, err := copyFiles(ctx, fd, seen.entries, dir, h)
	if err != nil {
		return nil, err
	}
	after, err := scan(ctx, fd, h)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.place.dir, err)
	}
	if !after.equal(seen) {
		return nil, errMoved
	}
	return files, nil
}
