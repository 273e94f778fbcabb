package lxc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	baseroot "github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/data"
)

// idle is an error while an instance of a service runs: it would go on in folders that
// are nobody's any more.
func (e *Engine) idle(ctx context.Context, service string) error {
	running, err := e.runs(ctx, service)
	if err == nil && running != "" {
		err = fmt.Errorf("%s runs", running)
	}
	return err
}

// RemoveData removes the data of a service, with their copy.
func (e *Engine) RemoveData(ctx context.Context, service string) error {
	return e.withData(ctx, "remove", service, func(s *store) error {
		if err := e.idle(ctx, service); err != nil {
			return err
		}
		for _, dir := range []string{s.saved(), s.restoring(), s.live()} { // cut off, it can be done again
			if err := os.Rename(dir, filepath.Join(s.dir, asidePrefix+filepath.Base(dir))); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := s.sweep(); err != nil {
			return err
		}
		if err := os.Remove(s.dir); err != nil {
			return err
		}
		_ = os.Remove(filepath.Dir(s.dir)) // which others may have data in
		return nil
	})
}

// ExportData writes the data of a service as a tar archive. It takes as long as who
// reads that, so nobody waits for it: where the data are exchanged meanwhile it fails.
func (e *Engine) ExportData(ctx context.Context, service string, to io.Writer) error {
	var folders []string
	var first int
	var before os.FileInfo
	live := (&store{dir: e.disk.dataDir(service)}).live()
	err := e.withData(ctx, "export", service, func(s *store) (err error) {
		if err := s.putBack(ctx); err != nil {
			return err
		}
		if folders, err = names(live); err != nil || len(folders) == 0 {
			return err
		}
		first, err = s.first()
		if err == nil {
			before, err = os.Stat(live)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case len(folders) == 0:
		return fmt.Errorf("export the data of %s: there are none", service)
	}
	err = pack(ctx, live, folders, first, to)
	if after, e := os.Stat(live); e != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		err = errors.New("they were exchanged meanwhile: do it again")
	}
	if err != nil {
		return fmt.Errorf("export the data of %s: %w", service, err)
	}
	return nil
}

// pack writes folders as an archive, with owners as guests see them whose root is the
// host's ID first.
func pack(ctx context.Context, dir string, folders []string, first int, to io.Writer) error {
	args := append([]string{"--create", "--file=-", "--sparse", "--pax-option=delete=atime,delete=ctime", "--directory=" + dir}, tarKeeps...)
	cmd := exec.CommandContext(ctx, "tar", append(append(args, "--"), folders...)...)
	cmd.Stdout = to
	if first != 0 {
		ids := []syscall.SysProcIDMap{{HostID: first, Size: baseroot.IDs}}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
			Credential: &syscall.Credential{},
		}
	}
	err := runCommand(ctx, cmd)
	if err != nil && ctx.Err() == nil && cmd.ProcessState.ExitCode() == 1 {
		return nil // the service has written meanwhile (tar(1), RETURN VALUE)
	}
	return err
}

// ImportData makes the data of a service what an archive holds.
func (e *Engine) ImportData(ctx context.Context, service string, from io.Reader) error {
	dir := e.disk.dataDir(service)
	if _, _, ok := parseName(service + "-1"); !ok {
		return fmt.Errorf("%q is no name of a service", service)
	}
	if err := os.MkdirAll(e.Path, 0o755); err != nil {
		return err
	}
	if err := e.disk.makeDataDir(service); err != nil {
		return err
	}
	err := e.withData(ctx, "import", service, func(s *store) error {
		if err := e.idle(ctx, service); err != nil {
			return err
		}
		return s.take(ctx, from)
	})
	if err != nil {
		_, _ = os.Remove(dir), os.Remove(filepath.Dir(dir)) // of a service that has none; others are not empty
	}
	return err
}

// take makes the data what an archive holds, whose owners are those of guests.
func (s *store) take(ctx context.Context, from io.Reader) error {
	if err := s.putBack(ctx); err != nil {
		return err
	}
	made, err := s.aside()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }() // what there was, if all went well
	args := append([]string{"--extract", "--file=-", "--same-owner", "--preserve-permissions", "--directory=" + made}, tarKeeps...)
	cmd := exec.CommandContext(ctx, "tar", args...)
	whole := &data.Archive{From: from}
	cmd.Stdin = whole
	if err := runCommand(ctx, cmd); err != nil {
		return err
	}
	if err := whole.Whole(); err != nil {
		return err
	}
	if err := errors.Join(os.Lchown(made, 0, 0), os.Chmod(made, 0o755)); err != nil { // #nosec G302 -- as in aside
		return err
	}
	if err := areData(made); err != nil {
		return err
	}
	first, err := s.first()
	if err != nil {
		return err
	}
	if err := shiftData(ctx, made, first); err != nil {
		return err
	}
	if err := s.drop(); err != nil { // it would be put back over what comes
		return err
	}
	return s.replace(ctx, made, s.live())
}

// areData is an error unless a folder holds what ExportData writes.
func areData(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := data.Folder(e.Name()); !ok || !e.IsDir() {
			return data.NotData(e.Name())
		}
	}
	if len(entries) == 0 {
		return data.ErrEmpty
	}
	return nil
}
