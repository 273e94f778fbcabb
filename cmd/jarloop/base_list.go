package main

import (
	"cmp"
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/checkup"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/render"
)

func baseListVerb(p *cli.Program) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the bases that jarloop has built",
		Long: `List shows the bases that jarloop has built on this machine: whether the
configuration asks for each of them, how many clones rest on it, and what it
takes of the disk. One that is not configured is left over from a recipe that has
changed. Clones that are copies or snapshots of btrfs rest on none.

Of a cluster it shows the images, whoever has built them, with their size, and
how many containers were made of each, whoever has them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			list, err := bases.List(cmd.Context(), c)
			if errors.Is(err, fs.ErrPermission) {
				err = cmp.Or(checkup.NeedRoot(), err)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return render.JSON(cmd.OutOrStdout(), list)
			}
			return render.Bases(cmd.OutOrStdout(), list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
