package watcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The store's shape. Only the owner gets past the service's folder; within a
// set, modes are those that the files have in a container.
//
//	<Store>/                 0700
//	  <service>/             0700
//	    <ID>/                0755  a complete set, by rename
//	    .unread-<ID>               it has not been read to its end
//	    .incoming-<random>/        a copy under way; what a killed run leaves
//	                               is removed by New, what could not be removed
//	                               by the next copy
const incoming = ".incoming-"

// identify gives the ID of a set: the SHA-256, in hexadecimal, over its files
// sorted by name, each as
//
//	name NUL ("x" if executable, else "-") NUL SHA-256 of the bytes in hexadecimal LF
//
// Neither NUL nor LF can be in a name that was taken. Only whether a file is
// executable counts of its mode, since the rest differs from share to share.
func identify(files []File) string {
	h := sha256.New()
	for _, f := range files {
		x := "-"
		if f.Mode&0o111 != 0 {
			x = "x"
		}
		fmt.Fprintf(h, "%s\x00%s\x00%s\n", f.Name, x, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// openStore makes the store if there is none, makes sure that nobody else can
// write there, and removes what a killed run left half done.
func openStore(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make store %s: %w", dir, err)
	}
	if err := Ours(dir); err != nil {
		return err
	}
	services, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read store %s: %w", dir, err)
	}
	for _, service := range services {
		home := filepath.Join(dir, service.Name())
		if !service.IsDir() {
			continue
		}
		if err := Ours(home); err != nil {
			return err
		}
		if err := removeHalfMade(home); err != nil {
			return err
		}
	}
	return nil
}

// removeHalfMade removes the copies in a service's folder that are none yet.
func removeHalfMade(home string) error {
	found, err := os.ReadDir(home)
	if err != nil {
		return fmt.Errorf("read store: %w", err)
	}
	for _, f := range found {
		if !strings.HasPrefix(f.Name(), incoming) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(home, f.Name())); err != nil {
			return fmt.Errorf("remove half-made copy: %w", err)
		}
	}
	return nil
}

// Ours is nil when a folder is there and ours alone to write in: what lies
// there decides what root does. The error says how to mend it.
func Ours(folder string) error {
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder: move it away", folder)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written by others (mode %#o): chmod go-w %s", folder, info.Mode().Perm(), folder)
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d: chown %d %s", folder, s.Uid, os.Geteuid(), folder)
	}
	return nil
}

// install gives a complete copy its final name. A set of that name which is
// whole stays, since somebody may be reading it; a damaged one (a power cut:
// nothing here waits for the disk) gives way, and so does what is no set.
func install(ctx context.Context, tmp, final string) error {
	err := os.Rename(tmp, final)
	if err == nil || !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.ENOTDIR) {
		return err
	}
	if _, err := loadDir(ctx, final, filepath.Base(final)); err == nil {
		return nil
	}
	if err := unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, final, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("replace the damaged %s by %s: %w", final, tmp, err)
	}
	return nil
}

// Load reads a set that was kept in store and makes sure that it is whole: its
// files have to give the ID that it is named by. One that is not there is
// fs.ErrNotExist. The set's Seen is zero.
func Load(store, service, id string) (Set, error) {
	if err := checkName(service); err != nil {
		return Set{}, err
	}
	if !isID(id) {
		return Set{}, fmt.Errorf("%q is not the ID of a set", id)
	}
	dir := filepath.Join(store, service, id)
	if isMarked(dir) {
		return Set{}, fmt.Errorf("load set %.8s of %s: it has not been read to its end", id, service)
	}
	files, err := loadDir(context.Background(), dir, id)
	if err != nil {
		return Set{}, fmt.Errorf("load set %.8s of %s: %w", id, service, err)
	}
	return Set{Service: service, ID: id, Dir: dir, Files: files}, nil
}

func loadDir(ctx context.Context, dir, id string) ([]File, error) {
	fd, err := place{dir, dir}.open()
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	h := how{enter: func(string) {}, beat: func() {}}
	seen, err := scan(ctx, fd, h)
	if err != nil {
		return nil, err
	}
	if seen.problem != "" {
		return nil, errors.New(seen.problem)
	}
	var files []File
	buf := make([]byte, 1<<20)
	for _, e := range seen.entries {
		f, err := readFile(ctx, fd, e, io.Discard, buf, h)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", show(e.name), err)
		}
		files = append(files, f)
	}
	if got := identify(files); got != id {
		return nil, fmt.Errorf("%s is damaged: its files give %.8s", dir, got)
	}
	return files, nil
}

// Prune removes the sets of a service but those whose ID is in keep. Without
// any left the service's folder goes, too. While a Watcher runs, its own Prune
// is the one to call.
func Prune(store, service string, keep map[string]bool) error {
	if err := checkName(service); err != nil {
		return err
	}
	home := filepath.Join(store, service)
	sets, err := os.ReadDir(home)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("prune sets of %s: %w", service, err)
	}
	var errs []error
	for _, set := range slices.Backward(sets) { // marks last
		if id := strings.TrimPrefix(set.Name(), unread); isID(id) && !keep[id] {
			errs = append(errs, os.RemoveAll(filepath.Join(home, set.Name())))
		}
	}
	if err := os.Remove(home); !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("prune sets of %s: %w", service, err)
	}
	return nil
}

func isID(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 2*sha256.Size && s == strings.ToLower(s)
}
