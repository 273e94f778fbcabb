package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/console"
)

func baseImportVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Make a base of a file that export wrote, instead of building it",
		Long: `Import makes a base of a file that export wrote, instead of building it. The
configuration has to describe the same base: its name and all that it is made of.
The checksum shows damage, not malice: who wrote the file is root in the
containers that are made of it, so take files only from those you trust.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			return bases.Import(cmd.Context(), c, args[0], console.New(os.Stdout, nil, false))
		},
	}
}
