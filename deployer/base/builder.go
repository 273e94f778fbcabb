package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Errors that a caller decides on; their texts come with a remedy.
var (
	// ErrFile says that a file is not one that Export wrote, whole.
	ErrFile = errors.New("not a whole base")
	// ErrDiffers says that a file's base is not the one that was asked for.
	ErrDiffers = errors.New("another base than the one in the configuration")
)

// What is wrong with a container, a remedy added where it is said.
var (
	// errMissing says that a container that the recipe says exists does not.
	errMissing = errors.New("there is no such container")
	// errForeign says that a folder has a base's name but is not ours.
	errForeign = errors.New("not a base made by jarloop")
	// ErrClones says that clones rest on a base.
	ErrClones = errors.New("clones rest on it")
	// ErrRunning says that somebody started a base.
	ErrRunning = errors.New("it runs, and a base must be stopped")
)

// defaultTimeout is how long a build may take where Builder does not say.
const defaultTimeout = 30 * time.Minute

// Builder builds and removes the bases below one lxc.path.
type Builder struct {
	// Path is lxc.path, an absolute path; it is made if it is not there.
	Path string
	// Bridge is what a base's clones are connected to; they have no network
	// if it is empty.
	Bridge string
	// Backing is how clones will be made: "overlay", "dir" or "" for a base
	// in a plain folder, "btrfs" for one in a subvolume.
	Backing string
	// Timeout is how long a build may take, half an hour if it is 0.
	Timeout time.Duration
	// Progress, if it is not nil, is told of each step and each line of a
	// build, an export or an import. It is called from the goroutine that
	// does it, which waits for it, and from others while that one waits, one
	// call at a time.
	Progress func(Progress)
}

// Progress is one moment of a build, an export or an import.
type Progress struct {
	// Doing is which of them: "building", "exporting" or "importing".
	Doing string
	// Base is the name in the configuration, Container that of its container.
	Base, Container string
	// Step is what is done at the moment, in a few words.
	Step string
	// Line is the last line that a tool printed; empty when a step begins.
	Line string
	// Elapsed is the time since it began, and Estimate the time that all of it
	// will take, 0 if that is not known: for a build, the time that the last
	// one of this name took.
	Elapsed, Estimate time.Duration
}

// Ensure gives the name of the container that is the recipe's base, and
// builds it first if it is not there. If it is, that costs a read and a stat.
// built says whether this call built it: of two calls at once, in whatever
// process, one builds and the other waits. When Ensure fails, or ctx ends,
// nothing of the build is left.
func (b *Builder) Ensure(ctx context.Context, r Recipe) (container string, built bool, err error) {
	container = r.Container()
	if err := r.check(); err != nil {
		return "", false, fmt.Errorf("base %s: %w", r.Name, err)
	}
	if _, there := b.There(r); there && !onDisk(lockOf(filepath.Join(b.Path, container))) { // which a kill leaves
		return container, false, nil
	}
	if r.exists() {
		return "", false, fmt.Errorf("base %s: %w in %s: make it with lxc-create, or give the base a distribution or a template",
			r.Name, errMissing, b.Path)
	}
	built, err = b.ensure(ctx, r, container, filepath.Join(b.Path, container))
	if err != nil {
		return "", false, fmt.Errorf("build base %s: %w", container, err)
	}
	return container, built, nil
}

// There gives the name of the container that is the recipe's base, and says
// whether it is there and complete. It costs a read and a stat.
func (b *Builder) There(r Recipe) (container string, there bool) {
	container = r.Container()
	dir := filepath.Join(b.Path, container)
	if r.exists() {
		_, err := os.Stat(filepath.Join(dir, "config"))
		return container, err == nil
	}
	return container, ready(dir, r.hash())
}

func (b *Builder) ensure(ctx context.Context, r Recipe, container, dir string) (built bool, err error) {
	if err := b.check(); err != nil {
		return false, err
	}
	if err := b.makePath(r); err != nil {
		return false, err
	}
	w := b.newBuild(r, container, dir)
	unlock, err := b.lock(ctx, container, func() { w.begin("wait for another build of it") })
	if err != nil {
		return false, err
	}
	defer unlock()
	if ready(dir, r.hash()) {
		return false, nil
	}
	// What a killed build left, if anything.
	if err := b.remove(ctx, dir); err != nil {
		return false, err
	}
	if err := claim(dir); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, b.timeout(),
		fmt.Errorf("not done after %s: %w", b.timeout(), context.DeadlineExceeded))
	defer cancel()
	if err := w.build(ctx); err != nil {
		undo, done := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer done()
		return false, errors.Join(err, w.undo(undo))
	}
	return true, nil
}

// makePath makes lxc.path, if it is not there, and says where the clones of the
// recipe could not come to it.
func (b *Builder) makePath(r Recipe) error {
	if err := os.MkdirAll(b.Path, 0o755); err != nil || r.First == 0 {
		return err
	}
	return Passable(b.Path, r.First)
}

func (b *Builder) timeout() time.Duration {
	if b.Timeout == 0 {
		return defaultTimeout
	}
	return b.Timeout
}

func (b *Builder) check() error {
	switch {
	case !filepath.IsAbs(b.Path):
		return fmt.Errorf("lxc.path %q is not absolute", b.Path)
	case os.Geteuid() != 0:
		return errors.New("only root can")
	}
	switch b.Backing {
	case "", "dir", "overlay", "btrfs":
		return nil
	}
	return fmt.Errorf("backing %q: bases are built for overlay, dir or btrfs; for others, make the base yourself and leave out its distribution and template", b.Backing)
}
