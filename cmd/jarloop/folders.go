package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/watcher"
)

// The program's own folders:
//
//	/var/lib/jarloop/sets/<service>/<ID>/      artefact sets
//	/var/lib/jarloop/logs/<service>/<number>/  what a generation printed
//	/var/lib/jarloop/history/<service>.json    what became of its deploys
//	/run/jarloop/lock                          held while an agent runs
//	/run/jarloop/jarloop.sock                  the agent's socket
func logsOf(c *config.Config) string    { return filepath.Join(c.State, "logs") }
func setsOf(c *config.Config) string    { return filepath.Join(c.State, "sets") }
func historyOf(c *config.Config) string { return filepath.Join(c.State, "history") }
func lockOf(c *config.Config) string    { return filepath.Join(c.Run, "lock") }
func socketOf(c *config.Config) string  { return filepath.Join(c.Run, "jarloop.sock") }

// errBusy says that another agent holds the lock.
var errBusy = errors.New("another jarloop is running")

// lockFolders makes the program's folders and takes the lock that one process
// at a time holds. The lock ends with the process, whatever ends that, since
// no child inherits it.
func lockFolders(ctx context.Context, c *config.Config) (*os.File, error) {
	for folder, mode := range map[string]os.FileMode{c.State: doctor.StateMode, c.Run: doctor.RunMode} {
		if err := os.MkdirAll(folder, mode); err != nil {
			return nil, err
		}
		if err := watcher.Ours(folder); err != nil {
			return nil, err
		}
	}
	// What is below may be older than the mode of what is above it.
	for _, folder := range []string{setsOf(c), logsOf(c)} {
		if err := watcher.Ours(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	f, err := os.OpenFile(lockOf(c), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(ctx, f); err != nil {
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0) // who it is helps, and is not needed
		f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", lockOf(c), err)
		}
		return nil, fmt.Errorf("%w (process %s, which holds %s)", errBusy, strings.TrimSpace(string(holder[:n])), lockOf(c))
	}
	if err := errors.Join(f.Truncate(0), write(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// letPass lets the root of unprivileged containers, if there are any, come to
// the folders for what they print.
func letPass(c *config.Config) error {
	for _, b := range c.Bases {
		if b.Privileged {
			continue
		}
		r, err := recipe(b)
		if err != nil {
			return err
		}
		return letGroupPass(c, r.First)
	}
	return nil
}

// letGroupPass lets a group, and no other user of the host, pass the folder of
// the logs. The one above stays root's and its group's: when a unit with
// StateDirectory starts, systemd gives all that is in it to the unit's user
// where its own owner is another (systemd.exec(5)). What else lies there is
// root's alone.
func letGroupPass(c *config.Config, gid int) error {
	logs := logsOf(c)
	return errors.Join(
		os.MkdirAll(logs, 0o710), os.Chown(logs, -1, gid), os.Chmod(logs, 0o710),
		os.Chmod(c.State, 0o711),
	)
}

// flock takes the lock of f. A process that an agent had begun to start when it
// was killed holds it until its exec is over, so it is tried for a moment.
func flock(ctx context.Context, f *os.File) error {
	const moment = 500 * time.Millisecond
	for end := time.Now().Add(moment); ; {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func write(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}
