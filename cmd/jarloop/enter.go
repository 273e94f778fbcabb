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
	failed := false
	cmd := &cobra.Command{
		Use:                   "enter SERVICE [--failed] [-- COMMAND...]",
		DisableFlagsInUseLine: true,
		Short:                 "Open a shell in a service's live generation, or run a command there",
		Long: `Enter opens a shell of root in the live generation of a service, or runs a
command there; the exit status is the command's. It works with and without an
agent. What is changed inside is gone with the generation.

With --failed it is the generation whose deploy failed last, in which everything
is as it was but for the service, which has ended. It is kept until the next
deploy of the service has gone live or failed.`,
		Example: "  jarloop enter frontend\n  jarloop enter frontend -- systemctl status jarloop\n  jarloop enter frontend --failed -- ls -l /frontend",
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
			name, err := generationOf(cmd.Context(), c, args[0], failed)
			if err != nil {
				return err
			}
			return attach(c.LXC.Path, name, args[1:])
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "enter the generation whose deploy failed last")
	return cmd
}

// generationOf gives the container of a service's live generation, or of the one
// that is kept since its deploy failed: as the agent says or, without one, as the
// records do. It runs.
func generationOf(ctx context.Context, c *config.Config, service string, failed bool) (string, error) {
	what, phase := "live", deployer.Live
	if failed {
		what, phase = "failed", deployer.Kept
	}
	status, err := control.NewClient(socketOf(c)).Status(ctx)
	if err == nil {
		for _, s := range status.Services {
			name := s.Generation
			if failed {
				name = s.Failed
			}
			if s.Service == service && name != "" {
				return name, nil
			}
		}
		if failed {
			return "", noneFailed(c, service)
		}
		return "", fmt.Errorf("%s has no live generation; jarloop status says why", service)
	}
	if !errors.Is(err, control.ErrNoAgent) {
		return "", err
	}
	name, running, err := deployer.FindNewest(ctx, host.NewMachine(c, lxcChild()), service, phase)
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

// noneFailed says that nothing of a service is kept that has failed, and what
// there is in its place.
func noneFailed(c *config.Config, service string) error {
	if !c.LXC.KeepFailed {
		return usageError{errors.New("no failed generation is kept, since lxc.keep_failed is false in the configuration: set it to true, and restart jarloop run")}
	}
	return fmt.Errorf("no failed generation of %[1]s is kept: one is from when a deploy fails until the next one has ended; "+
		"what others have printed is in jarloop logs %[1]s", service)
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
