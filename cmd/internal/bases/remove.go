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
)

// Remove removes all of the bases that are named, or none where one of them must
// stay for the agent's sake.
func Remove(ctx context.Context, c *config.Config, names []string, say func(string)) error {
	there, err := There(c)
	if err != nil {
		return err
	}
	taken, release, err := cloned(ctx, c)
	if err != nil {
		return err
	}
	defer release()
	for _, name := range names {
		switch {
		case !slices.Contains(there, name) && len(there) == 0:
			return exit.Usagef("there is no base in %s that jarloop has built", c.LXC.Path)
		case !slices.Contains(there, name):
			return exit.Usagef("no base %q in %s that jarloop has built; there are: %s", name, c.LXC.Path, strings.Join(there, ", "))
		case slices.Contains(taken, name):
			return exit.Usagef("the agent that runs makes clones of %s: stop it, or change the recipe in the configuration first", name)
		}
	}
	err = removeEach(ctx, c, names, say)
	switch {
	case errors.Is(err, base.ErrClones):
		return exit.Usagef("%w\nclones go when their services have been deployed from another base, and with jarloop clean", err)
	case errors.Is(err, base.ErrRunning):
		return exit.AsUsage(err)
	}
	return err
}

// RemoveAll removes every base that jarloop has built on this machine. No agent
// may be running.
func RemoveAll(ctx context.Context, c *config.Config, say func(string)) error {
	there, err := There(c)
	if err != nil {
		return err
	}
	return removeEach(ctx, c, there, say)
}

// removeEach removes bases, as far as that can be.
func removeEach(ctx context.Context, c *config.Config, containers []string, say func(string)) error {
	builder := Store(c)
	var errs error
	for _, container := range containers {
		if err := builder.Remove(ctx, container); err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		say("removed base " + container)
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
