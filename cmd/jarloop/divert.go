package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/folders"
)

func divertVerb(p *cli.Program) *cobra.Command {
	off := false
	cmd := &cobra.Command{
		Use:   "divert SERVICE HOST:PORT",
		Short: "Lead a service's names and ports to a process on the laptop",
		Long: `Divert makes names and published ports of a service lead to a process elsewhere,
as to one that you have started from your IDE: all others call that one. The
service's containers stay, new builds are deployed into them as ever, and --off
leads back there. It stays so over restarts of the agent.`,
		Args: cobra.RangeArgs(1, 2), ValidArgsFunction: p.CompleteServices(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			if _, err := cli.Services(c, args[:1]); err != nil {
				return err
			}
			request := control.DivertRequest{Service: args[0]}
			switch {
			case off != (len(args) == 1):
				return exit.Usagef("say where to, as in jarloop divert %s 10.0.2.2:8085, or --off", args[0])
			case !off:
				request.To = args[1]
				if reason := config.WrongAddress(args[1]); reason != "" {
					return exit.Usagef("%s", reason)
				}
			}
			done, err := control.NewClient(folders.Socket(c)).Divert(cmd.Context(), request)
			if err != nil || off {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s leads to %s until: jarloop divert %[1]s --off\n", args[0], done.To)
			if done.Warning != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "jarloop: "+console.Plain(done.Warning))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&off, "off", false, "lead names and ports to the live container again")
	return cmd
}
