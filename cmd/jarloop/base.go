package main

import (
	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
)

func baseVerb(p *cli.Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "base",
		Short: "List and remove bases, and carry them to other machines in files",
		Args:  cli.Verb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	cmd.AddCommand(baseListVerb(p), baseRemoveVerb(p), baseExportVerb(p), baseImportVerb(p))
	return cmd
}
