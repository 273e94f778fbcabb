package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/data"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/render"
)

func dataVerb(p *cli.Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "List, carry and remove what services keep over their containers",
		Args:  cli.Verb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	cmd.AddCommand(dataListVerb(p), dataExportVerb(p), dataImportVerb(p), dataResetVerb(p))
	return cmd
}

func dataListVerb(p *cli.Program) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the data of services on this machine",
		Long: `List shows the folders that outlive the containers of each service, what they take
of the disk, and whether there is a copy of them, as there is while a deploy is
under way that stops the old container first. Those that are not configured are
left from a service or a folder that the configuration had before.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadAsRoot(p)
			if err != nil {
				return err
			}
			list, err := data.List(cmd.Context(), c)
			if err != nil {
				return err
			}
			if asJSON {
				return render.JSON(cmd.OutOrStdout(), list)
			}
			return render.Data(cmd.OutOrStdout(), list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func dataExportVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "export SERVICE [FILE]",
		Short: "Write the data of a service to a new file, or to standard output",
		Long: `Export writes the data of a service as a tar archive, to a new file or to standard
output. At its top is a folder for each one of the service's, with %2F for each / in
its name; owners are those that the service sees. A service that runs may write
meanwhile: what a database has open, its own tools save better.`,
		Example: "  jarloop data export person person.tar\n  jarloop data export person | gzip >person.tar.gz",
		Args:    cobra.RangeArgs(1, 2), ValidArgsFunction: p.CompleteServices(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadAsRoot(p)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if out, ok := cmd.OutOrStdout().(*os.File); ok && isatty.IsTerminal(out.Fd()) {
					return exit.Usagef("an archive is nothing for a terminal: name a file, or lead it into a command; see %s --help", cmd.CommandPath())
				}
				return data.Export(cmd.Context(), c, args[0], cmd.OutOrStdout())
			}
			return newFile(args[1], func(to io.Writer) error { return data.Export(cmd.Context(), c, args[0], to) })
		},
	}
}

// newFile makes a file that appears when it is whole, for root alone.
func newFile(name string, write func(io.Writer) error) error {
	if _, err := os.Lstat(name); err == nil {
		return exit.Usagef("%s exists: remove it, or give another name", name)
	}
	out, err := renameio.NewPendingFile(name, renameio.WithPermissions(0o600))
	if err != nil {
		return exit.AsUsage(err)
	}
	defer func() { _ = out.Cleanup() }() // nothing to do once it is there
	if err := write(out); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}

func dataImportVerb(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "import SERVICE FILE",
		Short: "Replace the data of a service by those in a file that export wrote",
		Long: `Import replaces all data of a service by those in an archive that export wrote. The
running agent stops the service for that and starts it again. If the file is not
whole, the data stay as they were. Who wrote the file can do what the service can.`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return p.CompleteServices(1)(cmd, args, begun)
			}
			return nil, cobra.ShellCompDirectiveDefault // the file is the shell's to complete
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadAsRoot(p)
			if err != nil {
				return err
			}
			unused, err := data.Import(cmd.Context(), c, args[0], func() (io.ReadCloser, error) { return os.Open(args[1]) }, args[1])
			if len(unused) > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "jarloop: not in data of [service.%s], so no container has it: %s\n", args[0], strings.Join(unused, ", "))
			}
			return err
		},
	}
}

func dataResetVerb(p *cli.Program) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "reset SERVICE",
		Short: "Remove the data of a service, which begins anew",
		Long: `Reset removes the data of a service for good, and a copy of them. The running agent
stops the service for that and starts it again; it finds what its base has, as at
its first start. Data of a service that the configuration has no more are removed
too. It asks first, unless --yes is given.`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: p.CompleteServices(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadAsRoot(p)
			if err != nil {
				return err
			}
			return data.Reset(cmd.Context(), c, args[0], func(found []data.Listed) error {
				if yes {
					return nil
				}
				return agree(cmd, found)
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// agree asks a person whether data are to go.
func agree(cmd *cobra.Command, found []data.Listed) error {
	if in, ok := cmd.InOrStdin().(*os.File); !ok || !isatty.IsTerminal(in.Fd()) {
		return exit.Usagef("nobody is there to be asked: add --yes if the data of %s are to go for good", found[0].Service)
	}
	var folders []string
	for _, d := range found {
		folders = append(folders, fmt.Sprintf("%s (%s)", d.Folder, console.Size(d.Bytes)))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Remove the data of %s for good: %s? [y/N] ", found[0].Service, strings.Join(folders, ", "))
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("nothing was removed")
	}
	return nil
}
