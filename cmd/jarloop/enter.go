package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/host"
	"github.com/jarloop/jarloop/deployer"
)

func (p *program) enterVerb() *cobra.Command {
	return &cobra.Command{
		Use:                   "enter SERVICE [-- COMMAND...]",
		DisableFlagsInUseLine: true,
		Short:                 "Open a shell in a service's live generation, or run a command there",
		Long: `Enter opens a shell of root in the live generation of a service, or runs a
command there; the exit status is the command's. It works with and without an
agent. What is changed inside is gone with the generation.`,
		Example: "  jarloop enter frontend\n  jarloop enter frontend -- systemctl status jarloop",
		Args: func(cmd *cobra.Command, args []string) error {
			if n := cmd.ArgsLenAtDash(); n < 0 && len(args) > 1 {
				return fmt.Errorf("a command stands behind --, as in: %s %s -- %s", cmd.CommandPath(), args[0], args[1])
			} else if n == 0 || len(args) == 0 {
				return errors.New("which service?")
			} else if n > 1 {
				return errors.New("one service, and then -- and the command")
			}
			return nil
		},
		ValidArgsFunction: p.namesOf(serviceNames, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			if _, err := services(c, args[:1]); err != nil {
				return err
			}
			if err := needRoot(); err != nil {
				return err
			}
			name, err := liveOf(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return attach(c.LXC.Path, name, args[1:])
		},
	}
}

// liveOf gives the container of a service's live generation, which runs: as the
// agent says or, without one, as the records do.
func liveOf(ctx context.Context, c *config.Config, service string) (string, error) {
	status, err := control.NewClient(socketOf(c)).Status(ctx)
	if err == nil {
		for _, s := range status.Services {
			if s.Service == service && s.Generation != "" {
				return s.Generation, nil
			}
		}
		return "", fmt.Errorf("%s has no live generation; jarloop status says why", service)
	}
	if !errors.Is(err, control.ErrNoAgent) {
		return "", err
	}
	name, running, err := deployer.LiveOf(ctx, host.NewMachine(c, lxcChild()), service)
	switch {
	case err != nil:
		return "", err
	case name == "":
		return "", fmt.Errorf("%s has no live generation, and %w", service, control.ErrNoAgent)
	case !running:
		return "", fmt.Errorf("%s, the live generation of %s, is stopped, and %w", name, service, control.ErrNoAgent)
	}
	return name, nil
}

// attach becomes lxc-attach, which has the terminal and gives the command's
// status as its own. It returns only if that fails.
func attach(path, name string, command []string) error {
	tool, err := exec.LookPath("lxc-attach")
	if err != nil {
		return fmt.Errorf("%w: apt-get install lxc", err)
	}
	argv := []string{"lxc-attach", "-P", path, "-n", name, "--clear-env",
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
