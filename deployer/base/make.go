package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
)

// undoTimeout is how long the removal of a failed build may take.
const undoTimeout = 2 * time.Minute

// content is what a root was made of, beside its files.
type content struct {
	config string        // of LXC, that its template wrote; "": no template made it
	begun  time.Time     // when its build began, elsewhere; zero: it was built here, now
	took   time.Duration // how long that one lasted
}

// make makes the recipe's base: fill fills its root, an empty folder. It is false
// if the base is there already. What fails leaves nothing.
func (s *Store) make(ctx context.Context, r Recipe, j *job, fill func(root string) (content, error)) (bool, error) {
	defer j.end()
	if err := s.check(); err != nil {
		return false, err
	}
	if err := s.makePath(r); err != nil {
		return false, err
	}
	dir := s.folder(r.Container())
	unlock, err := lock(ctx, dir, j.wait)
	if err != nil {
		return false, err
	}
	defer unlock()
	if ready(dir, r.Hash()) {
		return false, nil
	}
	// What a killed build left, if anything.
	if err := remove(ctx, dir); err != nil {
		return false, err
	}
	if err := markLock(dir); err != nil {
		return false, err
	}
	// As liblxc does it: programs of the base with the set-uid bit are no
	// business of the host's users.
	if err := os.Mkdir(dir, 0o770); err != nil {
		return false, err
	}
	j.locked()
	if err := s.takeIn(ctx, r, j, dir, fill); err != nil {
		undo, done := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer done()
		return false, errors.Join(err, remove(undo, dir))
	}
	return true, nil
}

// takeIn makes the container in its empty folder.
func (s *Store) takeIn(ctx context.Context, r Recipe, j *job, dir string, fill func(root string) (content, error)) error {
	m := mark{Recipe: r, Hash: r.Hash(), Container: r.Container(), Begun: j.began}
	if err := writeMark(dir, m); err != nil {
		return err
	}
	root := rootOf(dir)
	if err := s.makeRoot(ctx, j, root); err != nil {
		return err
	}
	c, err := fill(root)
	if err != nil {
		return err
	}
	if r.First != 0 { // the clones' root passes the folder, and nobody else
		if err := errors.Join(os.Chown(dir, 0, r.First), os.Chmod(dir, 0o710)); err != nil {
			return err
		}
	}
	j.Step("write it to disk")
	if err := syncAll(root); err != nil {
		return err
	}
	if r.Distribution != "" {
		name, _ := r.System()
		c.config = untemplated(name, archs[runtime.GOARCH], onDisk)
	}
	if err := renameio.WriteFile(configOf(dir), []byte(s.settings(r, root).adapt(c.config)), 0o640); err != nil {
		return err
	}
	m.Took, m.Complete = time.Since(m.Begun), true
	if !c.begun.IsZero() { // the next build is estimated by that
		m.Begun, m.Took = c.begun, c.took
	}
	return writeMark(dir, m)
}

// makeRoot makes the empty root.
func (s *Store) makeRoot(ctx context.Context, j *job, root string) error {
	if !s.Btrfs {
		return errors.Join(os.Mkdir(root, 0o755), os.Chmod(root, 0o755)) // whatever the umask is
	}
	if err := tool.Run(ctx, j.Line, "btrfs", "subvolume", "create", root); err != nil {
		return fmt.Errorf("make a subvolume (backing btrfs needs %s to be on btrfs): %w", s.Path, err)
	}
	return nil
}

// settings are what the container's configuration says.
func (s *Store) settings(r Recipe, root string) settings {
	kind := "dir:"
	if s.Btrfs {
		kind = "btrfs:"
	}
	set := settings{
		container: r.Container(), rootfs: kind + root, bridge: s.Bridge,
		apparmor: profile(), first: r.First,
	}
	if r.Distribution != "" || onDisk(filepath.Join(root, "etc/systemd/system")) {
		set.halt = haltSystemd
	}
	return set
}

// syncAll writes the filesystem that holds dir to disk: a base that is
// complete is complete after a power cut, too.
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
