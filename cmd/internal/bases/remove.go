package bases

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/deployer/base"
	"github.com/jarloop/jarloop/deployer/incus"
)

// Remove removes all of the bases that are named, or none where one of them must
// stay for the agent's sake.
func Remove(ctx context.Context, c *config.Config, names []string, say func(string)) error {
	there, err := There(ctx, c)
	if err != nil {
		return err
	}
	taken, release, err := cloned(ctx, c)
	if err != nil {
		return err
	}
	defer release()
	where := c.LXC.Path
	if c.Incus() {
		where = "the cluster"
	}
	for _, name := range names {
		switch {
		case !slices.Contains(there, name) && len(there) == 0:
			return exit.Usagef("there is no base in %s that jarloop has built", where)
		case !slices.Contains(there, name):
			return exit.Usagef("no base %q in %s that jarloop has built; there are: %s", name, where, strings.Join(there, ", "))
		case slices.Contains(taken, name):
			return exit.Usagef("the agent that runs makes clones of %s: stop it, or change the recipe in the configuration first", name)
		}
	}
	err = removeEach(ctx, c, names, false, say)
	switch {
	case errors.Is(err, base.ErrClones):
		return exit.Usagef("%w\nclones go when their services have been deployed from another base, and with jarloop clean", err)
	case errors.Is(err, base.ErrRunning), errors.Is(err, incus.ErrStays):
		return exit.AsUsage(err)
	}
	return err
}

// RemoveAll removes every base that jarloop has built, on this machine or in the cluster,
// where those stay that others need. No agent may be running here.
func RemoveAll(ctx context.Context, c *config.Config, say func(string)) error {
	there, err := There(ctx, c)
	if err != nil {
		return err
	}
	return removeEach(ctx, c, there, true, say)
}

// removeEach removes bases, as far as that can be. What others need may stay, which is said
// then.
func removeEach(ctx context.Context, c *config.Config, containers []string, mayStay bool, say func(string)) error {
	in, err := open(c, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	var errs error
	for _, container := range containers {
		switch err := in.Remove(ctx, container); {
		case mayStay && errors.Is(err, incus.ErrStays):
			say(err.Error())
		case err != nil:
			errs = errors.Join(errs, err)
		default:
			say("removed base " + container)
		}
	}
	return errs
}

// cloned gives the bases that an agent makes clones of, or is about to. Where none
// runs, none can start until release is called.
func cloned(ctx context.Context, c *config.Config) (bases []string, release func(), err error) {
	release = func() {}
	if _, err := os.Stat(folders.LockFile(c)); errors.Is(err, fs.ErrNotExist) {
		return nil, release, nil // no agent since the boot: there is nothing to make for its sake
	}
	lock, err := folders.Lock(ctx, c)
	if err == nil {
		return nil, func() { lock.Close() }, nil
	}
	if !errors.Is(err, folders.ErrBusy) {
		return nil, nil, err
	}
	// It may not have taken up what the file says now, or be about to.
	if bases, err = configured(c); err != nil {
		return nil, nil, err
	}
	s, err := control.NewClient(folders.Socket(c)).Status(ctx)
	if err != nil && !errors.Is(err, control.ErrNoAgent) { // one that starts or ends
		return nil, nil, err
	}
	return append(bases, s.Bases...), release, nil
}
