package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/clean"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/folders"
)

func cleanVerb(p *cli.Program) *cobra.Command {
	var also clean.Also
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove everything that jarloop has made, and nothing else",
		Long: `Clean removes the containers of all generations, the rules, the lock and the
socket, and the artefact sets, logs and history that are kept.
Bases stay unless --bases is given, since building them takes longest, and the data
of services unless --data is given. No agent may be running.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadAsRoot(p)
			if err != nil {
				return err
			}
			lock, err := folders.Lock(cmd.Context(), c)
			if err != nil {
				return err
			}
			defer lock.Close()
			return clean.All(cmd.Context(), c, also, func(what string) { fmt.Fprintln(cmd.OutOrStdout(), what) })
		},
	}
	cmd.Flags().BoolVar(&also.Bases, "bases", false, "remove the bases, too")
	cmd.Flags().BoolVar(&also.Data, "data", false, "remove the data of services, too")
	return cmd
}
