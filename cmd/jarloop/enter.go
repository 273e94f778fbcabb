package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/checkup"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/enter"
)

func enterVerb(p *cli.Program) *cobra.Command {
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
		ValidArgsFunction: p.CompleteServices(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			if _, err := cli.Services(c, args[:1]); err != nil {
				return err
			}
			if err := checkup.NeedRoot(); err != nil {
				return err
			}
			container, err := enter.Find(cmd.Context(), c, args[0], failed)
			if err != nil {
				return err
			}
			if c.Incus() {
				return enterOfCluster(c, container)
			}
			return enter.Attach(c.LXC.Path, container, args[1:])
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "enter the generation whose deploy failed last")
	return cmd
}
