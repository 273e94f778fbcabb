package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	baseroot "github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/data"
)

// dataMounts gives the configuration that mounts the folders of a service's data into
// a clone of the base whose root is given. A mount follows no link, so those that the
// base has on the way are followed here.
func (d disk) dataMounts(service, root string, folders []string) (items []string, err error) {
	var taken data.Places
	for _, folder := range folders {
		at, err := resolved(root, folder)
		if err != nil {
			return nil, err
		}
		if err := taken.Add(folder, at); err != nil {
			return nil, err
		}
		source := filepath.Join(d.dataDir(service), "live", data.Name(folder))
		items = append(items, "lxc.mount.entry = "+mountSource(source)+" "+mountSource(strings.TrimPrefix(at, "/"))+" none bind,create=dir 0 0")
	}
	return items, nil
}

// resolved gives where a folder leads in a root, by a name without links.
func resolved(root, folder string) (string, error) {
	path, err := securejoin.SecureJoin(root, folder)
	if err != nil {
		return "", fmt.Errorf("data %s: %w", folder, err)
	}
	at, err := filepath.Rel(root, path)
	if err != nil {
		return "", err
	}
	at = "/" + at
	if err := new(data.Places).Add(folder, at); err != nil {
		return "", err
	}
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		return "", data.NoFolder(folder, at)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return at, nil
}

// prepareData has the data ready that an instance mounts. What there is none of yet
// is made as the instance's base has it.
func (e *Engine) prepareData(ctx context.Context, name string) error {
	service, _, _ := parseName(name)
	text, err := os.ReadFile(e.disk.config(name))
	if err != nil {
		return err
	}
	folders := mountedData(text, e.disk.dataDir(service))
	if len(folders) == 0 {
		return nil
	}
	first, _ := mappedRoot(text)
	if err := e.prepare(ctx, name, service, folders, first); err != nil {
		return fmt.Errorf("data of %s: %w", service, err)
	}
	return nil
}

// mountedData gives the names of the folders below dir that a container's configuration
// mounts.
func mountedData(config []byte, dir string) (folders []string) {
	for _, entry := range values(config, "lxc.mount.entry") {
		source, _, _ := strings.Cut(entry, " ")
		if name, found := strings.CutPrefix(source, mountSource(filepath.Join(dir, "live"))+"/"); found {
			folders = append(folders, name)
		}
	}
	return folders
}

func (e *Engine) prepare(ctx context.Context, name, service string, folders []string, first int) error {
	if err := e.disk.makeDataDir(service); err != nil {
		return err
	}
	s, err := e.disk.openStore(ctx, service)
	if err != nil {
		return err
	}
	defer s.close()
	if err := errors.Join(s.sweep(), s.putBack(ctx), makePassable(s.live(), 0o755)); err != nil {
		return err
	}
	if err := e.giveTo(ctx, s, service, first); err != nil {
		return err
	}
	root, err := e.baseRoot(name)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if there(filepath.Join(s.live(), folder)) {
			continue
		}
		if err := s.seed(ctx, root, folder, first); err != nil {
			return err
		}
	}
	if first != 0 {
		return passable(s.live(), first)
	}
	return nil
}

// giveTo makes the data those of guests whose root is the host's ID first.
func (e *Engine) giveTo(ctx context.Context, s *store, service string, first int) error {
	was, err := s.first()
	if err != nil || was == first {
		return err
	}
	folders, err := names(s.live())
	if err != nil {
		return err
	}
	if len(folders) > 0 {
		running, err := e.runs(ctx, service)
		switch {
		case err != nil:
			return err
		case was != 0 || running != "":
			return fmt.Errorf("they belong to guests whose root is ID %d here, and its root is ID %d: carry them over, by "+
				"jarloop data export %[3]s FILE, jarloop data reset %[3]s and jarloop data import %[3]s FILE", was, first, service)
		}
		for _, dir := range []string{s.live(), s.saved()} {
			if err := shiftData(ctx, dir, first); err != nil {
				return err
			}
		}
	}
	return s.setFirst(first)
}

// shiftData gives what is in the folders of dir to guests whose root is the ID first.
func shiftData(ctx context.Context, dir string, first int) error {
	folders, err := names(dir)
	for _, folder := range folders {
		if err == nil {
			err = baseroot.ShiftOwners(ctx, filepath.Join(dir, folder), first, quiet{})
		}
	}
	return err
}

// quiet hears of no progress.
type quiet struct{}

func (quiet) Step(string)        {}
func (quiet) Line(string)        {}
func (quiet) Moved(int64, int64) {}

// baseRoot gives the folder that shows what an instance's base has where data are
// mounted: below an overlay the base's own, else the clone's.
func (e *Engine) baseRoot(name string) (string, error) {
	kind, root, err := rootfs(e.Path, name)
	if err == nil && isOverlay(kind) {
		root, _, _ = strings.Cut(root, ":")
		root = strings.TrimPrefix(root, "dir:")
	}
	return root, err
}

// seed makes a folder that no instance has had yet.
func (s *store) seed(ctx context.Context, root, name string, first int) error {
	defer crash.Point("seed data")()
	folder, _ := data.Folder(name)
	at, err := resolved(root, folder)
	if err != nil {
		return err
	}
	made, err := s.aside()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }()
	fresh := filepath.Join(made, name)
	if source := filepath.Join(root, at); there(source) {
		err = copyTo(ctx, source, fresh)
	} else {
		err = errors.Join(makePassable(fresh, 0o755), os.Chown(fresh, first, first))
	}
	if err == nil {
		err = s.sync(ctx)
	}
	if err != nil {
		return err
	}
	return unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, filepath.Join(s.live(), name), unix.RENAME_NOREPLACE)
}

// runs gives the oldest instance of a service that is not stopped, "" if there is none.
func (e *Engine) runs(ctx context.Context, service string) (string, error) {
	states, err := e.host.States(ctx)
	if err != nil {
		return "", err
	}
	first, running := 0, ""
	for name, init := range states {
		of, number, ok := parseName(name)
		if ok && of == service && init != 0 && e.disk.ours(name) && (running == "" || number < first) {
			first, running = number, name
		}
	}
	return running, nil
}
