// Package enter finds the container of a service to look into, and becomes a
// shell or a command in it.
package enter

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/deployer"
)

// Find gives the container of a service's live generation, or of the one that is
// kept since its deploy failed: as the agent says or, without one, as the records
// do. It runs.
func Find(ctx context.Context, c *config.Config, service string, failed bool) (container string, err error) {
	what, phase := "live", deployer.Live
	if failed {
		what, phase = "failed", deployer.KeptFailure
	}
	status, err := control.NewClient(folders.Socket(c)).Status(ctx)
	if err == nil {
		return choose(c, status.Services, service, failed)
	}
	if !errors.Is(err, control.ErrNoAgent) {
		return "", err
	}
	engine, err := machine.Engine(c, netip.Prefix{})
	if err != nil {
		return "", err
	}
	defer engine.Close()
	name, running, err := deployer.FindLatest(ctx, engine, service, phase)
	switch {
	case err != nil:
		return "", err
	case name == "" && failed:
		return "", noneFailed(c, service)
	case name == "":
		return "", fmt.Errorf("%s has no live generation, and %w", service, control.ErrNoAgent)
	case !running:
		return "", fmt.Errorf("%s, the %s generation of %s, is stopped, and %w", name, what, service, control.ErrNoAgent)
	}
	return name, nil
}

// choose gives what an agent has of a service.
func choose(c *config.Config, all []deployer.Status, service string, failed bool) (string, error) {
	i := slices.IndexFunc(all, func(s deployer.Status) bool { return s.Service == service })
	switch {
	case i >= 0 && failed && all[i].Failed != "":
		return all[i].Failed, nil
	case failed:
		return "", noneFailed(c, service)
	case i >= 0 && all[i].Generation != "":
		return all[i].Generation, nil
	case i >= 0 && all[i].Failed != "":
		return "", fmt.Errorf("%s has no live generation: jarloop status says why, and jarloop enter %[1]s --failed looks into what has failed", service)
	}
	return "", fmt.Errorf("%s has no live generation; jarloop status says why", service)
}

// noneFailed says that nothing of a service is kept that has failed, and what
// there is in its place.
func noneFailed(c *config.Config, service string) error {
	if !c.LXC.KeepFailed {
		return exit.Usagef("no failed generation is kept, since lxc.keep_failed is false in the configuration: set it to true, and restart jarloop run")
	}
	return fmt.Errorf("no failed generation of %[1]s is kept: one is from when a deploy fails until the next one has ended; "+
		"what others have printed is in jarloop logs %[1]s", service)
}

// Attach becomes lxc-attach to a container below path, a shell if there is no
// command. That has the terminal, and gives the command's status as its own.
// Attach returns only if that fails.
func Attach(path, container string, command []string) error {
	tool, err := exec.LookPath("lxc-attach")
	if err != nil {
		return fmt.Errorf("%w: apt-get install lxc", err)
	}
	argv := []string{"lxc-attach", "-P", path, "-n", container, "--clear-env",
		"--keep-var", "TERM", "--set-var", "HOME=/root", "--set-var", "LANG=C.UTF-8", "--"}
	if len(command) == 0 {
		// The guest's own choice is not asked: not every guest has one for root.
		command = []string{"sh", "-c", "cd; if command -v bash >/dev/null; then exec bash -l; else exec sh -l; fi"}
	}
	// What is ignored here would be ignored inside; what is handled is not
	// (execve(2)). Reset would not do: it leaves ignored what Ignore was told.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGPIPE)
	if err := syscall.Exec(tool, append(argv, command...), os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", tool, err)
	}
	return nil
}
