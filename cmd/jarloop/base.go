package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/deployer/base"
)

func (p *program) baseVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "base",
		Short: "List and remove bases, and carry them to other machines in files",
		Args:  verb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	cmd.AddCommand(p.listVerb(), p.removeVerb(), p.exportVerb(), p.importVerb())
	return cmd
}

func (p *program) exportVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "export BASE FILE",
		Short: "Write a base that is built to a new file",
		Long: `Export writes a base that is built to a new file: its root as a tar archive,
compressed with zstd, with its recipe and a checksum. "tar --zstd -tf FILE" lists
what is in it.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.exportArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			r, err := recipeOf(c, args[0])
			if err != nil {
				return err
			}
			file, err := filepath.Abs(args[1])
			if err != nil {
				return err
			}
			out := console.New(os.Stdout, nil)
			builder := newBuilder(c)
			builder.Progress = out.Progress
			size, err := builder.Export(cmd.Context(), r, file)
			if err == nil {
				out.Exported(r.Name, file, size)
			}
			return err
		},
	}
}

// exportArgs completes the base, and leaves the file to the shell.
func (p *program) exportArgs(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return p.namesOf(baseNames, 1)(cmd, args, begun)
	}
	return nil, cobra.ShellCompDirectiveDefault
}

func (p *program) importVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Make a base of a file that export wrote, instead of building it",
		Long: `Import makes a base of a file that export wrote, instead of building it. The
configuration has to describe the same base: its name and all that it is made of.
The checksum shows damage, not malice: who wrote the file is root in the
containers that are made of it, so take files only from those you trust.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			name, err := base.Named(args[0])
			if err != nil {
				return wrongFile(err)
			}
			r, err := recipeOf(c, name)
			if err != nil {
				return err
			}
			out := console.New(os.Stdout, nil)
			builder := newBuilder(c)
			builder.Progress = out.Progress
			container, err := builder.Import(cmd.Context(), r, args[0])
			if err == nil {
				out.Imported(r.Name, container)
			}
			return wrongFile(err)
		},
	}
}

// wrongFile makes the wrong file an error of usage.
func wrongFile(err error) error {
	if errors.Is(err, base.ErrFile) || errors.Is(err, base.ErrDiffers) || errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	return err
}
