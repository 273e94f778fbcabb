package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/console"
)

func baseExportVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "export BASE FILE",
		Short: "Write a base that is built to a new file",
		Long: `Export writes a base that is built to a new file: its root as a tar archive,
compressed with zstd, with its recipe and a checksum. "tar --zstd -tf FILE" lists
what is in it.`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return p.Complete(bases.Names, 1)(cmd, args, begun)
			}
			return nil, cobra.ShellCompDirectiveDefault // the file is the shell's to complete
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			return bases.Export(cmd.Context(), c, args[0], args[1], console.New(os.Stdout, nil, false))
		},
	}
}
