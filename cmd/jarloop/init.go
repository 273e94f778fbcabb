package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/adopt"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

func initVerb(p *cli.Program) *cobra.Command {
	output, force := "config.toml", false
	var with []string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a configuration from what lies in a shared folder",
		Long: `Init looks at a shared folder (/host if none is named) and writes config.toml:
a service for each folder that holds what runs, called volume-<service> or as the
build calls it, with the command, port, needs, health check and data that its
settings name, and nginx for volume-nginx-conf.d. Where compose.yaml, a Dockerfile,
units of systemd, a Procfile or upstart jobs say how the services were run, they are
run so.
What is guessed is marked; what cannot be translated is said. The folder is not
changed, and no file is overwritten without --force.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.ConfigFile != "" {
				return exit.Usagef("--config names what the other verbs read: say by -o FILE where to write; see jarloop init --help")
			}
			dir := "/host"
			if len(args) > 0 {
				dir = args[0]
			}
			return adopt.Write(dir, output, with, force, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "write this `FILE`; - is the standard output")
	cmd.Flags().StringSliceVar(&with, "with", nil, "add `SERVERS` that your services use, of "+strings.Join(adopt.Backings(), ", ")+", each with its base and a password")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite the file if it is there")
	return cmd
}
