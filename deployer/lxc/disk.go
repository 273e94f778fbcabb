package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/logs"
)

// A container is ours because its folder has a record of ours. An agent can be
// killed while it makes the folder or while the folder is being removed, file
// after file; so that there is never one without a record which nobody would
// ever remove, the folder comes by a rename, and goes under a note beside it,
// which names it and its inode.
const (
	recordFile = "jarloop.json"
	makingFile = "jarloop.making" // beside the record until the container is whole
	coming     = ".jarloop-new-"
	going      = ".jarloop-going-"
)

// disk is where containers and what they print are kept.
type disk struct{ path, logs string }

var instanceName = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)-(0|[1-9][0-9]*)$`)

// parseName splits an instance's name into service and number.
func parseName(name string) (service string, number int, ok bool) {
	m := instanceName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	number, err := strconv.Atoi(m[2])
	return m[1], number, err == nil
}

// folder is where a container is kept.
func (d disk) folder(name string) string { return filepath.Join(d.path, name) }

func (d disk) config(name string) string { return filepath.Join(d.path, name, "config") }

func (d disk) record(name string) string { return filepath.Join(d.path, name, recordFile) }

// kept is where is kept what an instance prints.
func (d disk) kept(name string) logs.Folder {
	service, number, _ := parseName(name)
	return logs.FolderOf(d.logs, service, number)
}

// ours says whether the container carries a record of ours.
func (d disk) ours(name string) bool {
	_, _, ok := parseName(name)
	_, err := os.Lstat(d.record(name))
	return ok && err == nil
}

// half says whether the container is ours, and was not made to its end.
func (d disk) half(name string) bool {
	_, made := os.Lstat(d.config(name))
	_, making := os.Lstat(filepath.Join(d.folder(name), makingFile))
	return made != nil || making == nil
}

// claim makes the folder of a container, which must not be there yet, with the
// record in it from the first moment on.
func (d disk) claim(name string, record []byte) error {
	if err := d.sweep(name); err != nil {
		return err
	}
	made, err := os.MkdirTemp(d.path, coming+name+".")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }() // it has another name when all went well
	err = errors.Join(
		os.Chmod(made, 0o770),
		os.WriteFile(filepath.Join(made, makingFile), nil, 0o600),
		renameio.WriteFile(filepath.Join(made, recordFile), record, 0o600))
	if err != nil {
		return err
	}
	defer crash.Point("claim")()
	err = unix.Renameat2(unix.AT_FDCWD, made, unix.AT_FDCWD, d.folder(name), unix.RENAME_NOREPLACE)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is somebody else's: deploy again, to have another name: %w", d.folder(name), deployer.ErrExists)
	}
	if err != nil {
		return fmt.Errorf("rename to %s: %w", d.folder(name), err)
	}
	return nil
}

// sweep removes what is left of claims of a name that were cut off, and of those
// that say no name, as an earlier version made them.
func (d disk) sweep(name string) error {
	left, err := filepath.Glob(d.folder(coming + "*"))
	for _, folder := range left {
		claimed, _, named := strings.Cut(strings.TrimPrefix(filepath.Base(folder), coming), ".")
		if !named || claimed == name {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}
	return err
}

// whole says that the container has been made to its end.
func (d disk) whole(name string) error {
	return os.Remove(filepath.Join(d.folder(name), makingFile))
}

// setRecord replaces the record of a container of ours.
func (d disk) setRecord(name string, record []byte) error {
	if !d.ours(name) {
		return fmt.Errorf("there is no %s: %w", name, fs.ErrNotExist)
	}
	return renameio.WriteFile(d.record(name), record, 0o600)
}

// depart puts the container of ours under a note, and says whether there is one
// to be removed. The note is the record itself, by another name: the disk may be
// too full for anything new.
func (d disk) depart(name string) (there bool, err error) {
	inode, err := inodeOf(d.folder(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	note := d.folder(fmt.Sprintf("%s%s.%d", going, name, inode))
	err = os.Rename(d.record(name), note)
	if errors.Is(err, fs.ErrNotExist) { // somebody else's, unless a note has its inode
		_, err := os.Lstat(note)
		return err == nil, nil
	}
	return err == nil, err
}

// forget ends the removal of a container: its last record is kept with what it
// has printed. Not to be able to is no reason to have it for ever.
func (d disk) forget(name string) error {
	err := d.sweep(name)
	for _, note := range d.notes(name) {
		d.keep(name, note)
		if e := os.Remove(note); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// keep moves a record to what its instance has printed, with its time. The two
// may be on different disks.
func (d disk) keep(name, note string) {
	kept := d.kept(name)
	info, err := os.Lstat(note)
	if _, e := os.Lstat(string(kept)); err != nil || e != nil {
		return
	}
	if err := os.Rename(note, kept.Record()); !errors.Is(err, unix.EXDEV) {
		return
	}
	record, err := os.ReadFile(note)
	if err == nil && os.WriteFile(kept.Record(), record, 0o600) == nil {
		_ = os.Chtimes(kept.Record(), info.ModTime(), info.ModTime())
	}
}

// notes gives those that a container was put under to be removed.
func (d disk) notes(name string) []string {
	notes, _ := filepath.Glob(d.folder(going + name + ".*")) // the pattern is well-formed
	return notes
}

func inodeOf(folder string) (uint64, error) {
	info, err := os.Lstat(folder)
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Ino, nil
}

// list gives the instances that are there, whole or half, in the order of their
// names. Whether they run it does not know.
func (d disk) list() ([]deployer.Instance, error) {
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]deployer.Instance{}
	for _, e := range entries { // what is cut off has names that come first
		i, ok := d.entry(e.Name())
		if ok {
			found[i.Name] = i
		}
	}
	var all []deployer.Instance
	for _, i := range found {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b deployer.Instance) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// entry gives the instance that an entry of lxc.path stands for.
func (d disk) entry(entry string) (i deployer.Instance, ok bool) {
	name, half := nameOf(entry)
	record := d.record(entry)
	if strings.HasPrefix(entry, going) {
		record = d.folder(entry)
	}
	if _, _, ok := parseName(name); !ok {
		return i, false
	}
	text, err := os.ReadFile(record)
	if errors.Is(err, fs.ErrNotExist) && !half {
		return i, false
	}
	return deployer.Instance{Name: name, Record: text, Err: err, Half: half || d.half(name)}, true
}

// nameOf gives the name of the container that an entry of lxc.path is of, or what was cut
// off of its making or its removal.
func nameOf(entry string) (name string, cut bool) {
	for _, prefix := range []string{coming, going} {
		if rest, found := strings.CutPrefix(entry, prefix); found {
			name, _, _ = strings.Cut(rest, ".")
			return name, true
		}
	}
	return entry, false
}

// lastNumber gives the highest number that an instance of a service has or had. One of
// which something is left counts, too: that is being removed, under its name.
func (d disk) lastNumber(service string) (int, error) {
	last := 0
	containers, err := os.ReadDir(d.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for _, c := range containers {
		name, _ := nameOf(c.Name())
		if s, n, ok := parseName(name); ok && s == service {
			last = max(last, n)
		}
	}
	outputs, err := os.ReadDir(filepath.Join(d.logs, service))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for _, o := range outputs {
		if n, err := strconv.Atoi(o.Name()); err == nil {
			last = max(last, n)
		}
	}
	return last, nil
}

// Record gives the last record of an instance that is there, is being removed or
// is gone: path is lxc.path, logs the folder of what instances print. No agent is
// needed. That there is none is fs.ErrNotExist.
func Record(path, logs, name string) ([]byte, error) {
	d := disk{path, logs}
	if _, _, ok := parseName(name); !ok {
		return nil, fmt.Errorf("read the record of %q: %w", name, fs.ErrInvalid)
	}
	files := append([]string{d.record(name)}, d.notes(name)...)
	for _, file := range append(files, d.kept(name).Record()) {
		record, err := os.ReadFile(file)
		if !errors.Is(err, fs.ErrNotExist) {
			return record, err
		}
	}
	return nil, fmt.Errorf("read the record of %s: %w", name, fs.ErrNotExist)
}
