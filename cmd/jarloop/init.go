package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/adopt"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/deployer/base"
	"github.com/jarloop/jarloop/network"
)

func (p *program) initVerb() *cobra.Command {
	output, force := "config.toml", false
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a configuration from what lies in a shared folder",
		Long: `Init looks at a shared folder (/host if none is named) and writes config.toml:
a service for each volume-<service> folder, run as upstart/<service>.conf says
if there is one, with the ports and needs that its settings name, and nginx for
volume-nginx-conf.d. What is guessed is marked; what cannot be translated is
said. The folder is not changed, and no file is overwritten without --force.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.configFile != "" {
				return usageError{errors.New("--config names what the other verbs read: say by -o FILE where to write; see jarloop init --help")}
			}
			dir := "/host"
			if len(args) > 0 {
				dir = args[0]
			}
			return initialise(cmd, dir, output, force)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "write this `FILE`; - is the standard output")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite the file if it is there")
	return cmd
}

func initialise(cmd *cobra.Command, dir, output string, force bool) error {
	there := func() error {
		return usageError{fmt.Errorf("%s is there already, and stays as it is: write another with -o FILE, or this one anew with --force", output)}
	}
	if _, err := os.Lstat(output); err == nil && output != "-" && !force {
		return there()
	}
	iface := network.DefaultInterface()
	if iface == "" {
		iface = "eth0"
	}
	layout, err := adopt.Read(dir, iface)
	switch {
	case errors.Is(err, adopt.ErrNothing):
		return usageError{err}
	case errors.Is(err, fs.ErrNotExist):
		return usageError{fmt.Errorf("%w: name the folder that your build writes to, or mount it", err)}
	}
	if err != nil {
		return err
	}
	c, err := config.Parse(output, []byte(layout.TOML()))
	if err != nil {
		return fmt.Errorf("what lies in %s gives no configuration that works; nothing is written: %w", dir, err)
	}
	layout.Unprivileged = base.Unprivileged(c.LXC.Path) == nil
	text := layout.TOML()
	for _, note := range layout.Notes {
		fmt.Fprintln(cmd.ErrOrStderr(), "jarloop: "+console.Plain(note))
	}
	switch {
	case output == "-":
		_, err := fmt.Fprint(cmd.OutOrStdout(), text)
		return err
	case force:
		err = renameio.WriteFile(output, []byte(text), 0o644)
	default:
		err = writeNew(output, text)
	}
	if errors.Is(err, fs.ErrExist) {
		return there()
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %s with %s; look at its lines with GUESS, then: sudo jarloop run --config %[1]s\n",
		output, strings.Join(layout.Services(), ", "))
	return err
}

// writeNew writes a file that must not be there yet, whole or not at all.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}
