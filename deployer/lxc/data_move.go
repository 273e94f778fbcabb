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
	"runtime"
	"strings"
	"syscall"
	"time"

	baseroot "github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/crash"
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
		for _, dir := range []string{s.live(), s.saved(), s.restoring()} {
			if err := os.Rename(dir, filepath.Join(s.dir, asidePrefix+filepath.Base(dir))); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := s.sweep(); err != nil {
			return err
		}
		return os.Remove(s.dir)
	})
}

// tarKeeps are tar's arguments that keep all that data consist of.
var tarKeeps = []string{"--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls"}

// ExportData writes the data of a service as a tar archive.
func (e *Engine) ExportData(ctx context.Context, service string, to io.Writer) error {
	found := false
	err := e.withData(ctx, "export", service, func(s *store) error {
		if err := s.putBack(ctx); err != nil {
			return err
		}
		folders, err := names(s.live())
		if err != nil || len(folders) == 0 {
			return err
		}
		found = true
		args := append([]string{"--create", "--file=-", "--sparse", "--directory=" + s.live()}, tarKeeps...)
		cmd := exec.CommandContext(ctx, "tar", append(append(args, "--"), folders...)...)
		cmd.Stdout = to
		first, err := s.first()
		if err != nil {
			return err
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		if first != 0 { // tar sees owners as the guests do
			ids := []syscall.SysProcIDMap{{HostID: first, Size: baseroot.IDs}}
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
				Credential: &syscall.Credential{},
			}
		}
		return runCommand(ctx, cmd)
	})
	if err == nil && !found {
		err = fmt.Errorf("export the data of %s: there are none", service)
	}
	return err
}

// ImportData makes the data of a service what an archive holds.
func (e *Engine) ImportData(ctx context.Context, service string, from io.Reader) error {
	dir := e.disk.dataDir(service)
	if _, _, ok := parseName(service + "-1"); !ok {
		return fmt.Errorf("%q is no name of a service", service)
	}
	if err := errors.Join(makePassable(filepath.Dir(dir), 0o711), makePassable(dir, 0o700)); err != nil {
		return err
	}
	err := e.withData(ctx, "import", service, func(s *store) error {
		if err := e.idle(ctx, service); err != nil {
			return err
		}
		return s.take(ctx, from)
	})
	if err != nil {
		_ = os.Remove(dir) // of a service that has none; others are not empty
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
	cmd.Stdin = from
	if err := runCommand(ctx, cmd); err != nil {
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
	return s.replace(ctx, made, s.live())
}

// areData is an error unless a folder holds what ExportData writes.
func areData(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := dataPath(e.Name()); !ok || !e.IsDir() {
			return fmt.Errorf("the archive is none of data: at its top is %q, and not a folder that is named like one inside, with %%2F for /", e.Name())
		}
	}
	if len(entries) == 0 {
		return errors.New("the archive is none of data: it is empty")
	}
	return nil
}

// copyAll copies what is in a folder into another, with all that belongs to it.
// What the filesystem can share is shared.
func copyAll(ctx context.Context, from, to string) error { return copyTo(ctx, from+"/.", to) }

func copyTo(ctx context.Context, from, to string) error {
	return runTool(ctx, "cp", "--archive", "--reflink=auto", "--sparse=auto", "--no-target-directory", "--", from, to)
}

func runTool(ctx context.Context, argv ...string) error {
	return runCommand(ctx, exec.CommandContext(ctx, argv[0], argv[1:]...))
}

// runCommand runs a program that ends with its context, and with this process.
func runCommand(ctx context.Context, cmd *exec.Cmd) error {
	var said strings.Builder
	cmd.Stderr = &said
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 2 * time.Second
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	defer crash.Point(filepath.Base(cmd.Path) + " data")()
	runtime.LockOSThread() // else it is killed when a thread ends (prctl(2), PR_SET_PDEATHSIG)
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return withOutput(err.Error(), said.String())
	}
	return nil
}
