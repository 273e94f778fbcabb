package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/host"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
)

func (p *program) cleanVerb() *cobra.Command {
	bases := false
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove everything that jarloop has made, and nothing else",
		Long: `Clean removes the containers of all generations, the rules, the lock and the
socket, and the artefact sets, logs and history that are kept.
Bases stay unless --bases is given, since building them takes longest. No agent
may be running.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			if err := needRoot(); err != nil {
				return err
			}
			lock, err := lockFolders(cmd.Context(), c)
			if errors.Is(err, errBusy) {
				return fmt.Errorf("%w: stop it first", err)
			}
			if err != nil {
				return err
			}
			defer lock.Close()
			return clean(cmd.Context(), c, bases, func(what string) { fmt.Fprintln(cmd.OutOrStdout(), what) })
		},
	}
	cmd.Flags().BoolVar(&bases, "bases", false, "remove the bases, too")
	return cmd
}

// clean removes everything that it can, and says at the end what it could not.
func clean(ctx context.Context, c *config.Config, bases bool, say func(string)) error {
	var errs error
	removed, err := deployer.RemoveAll(ctx, host.NewMachine(c, lxcChild()))
	for _, name := range removed {
		say("removed container " + name)
	}
	errs = errors.Join(errs, err)
	if err := host.RemoveRules(ctx, c); err != nil {
		errs = errors.Join(errs, err)
	} else {
		say("removed rules")
	}
	if bases {
		errs = errors.Join(errs, removeBases(ctx, c, say))
	}
	if errs != nil {
		return errs // what is left has to be found again
	}
	defer crash.Point("remove folders")()
	for _, path := range []string{setsOf(c), logsOf(c), historyOf(c), socketOf(c), lockOf(c)} {
		errs = errors.Join(errs, os.RemoveAll(path))
	}
	for _, folder := range []string{c.State, c.Run} {
		// What somebody else has put there stays, and so does the folder.
		if left, err := filepath.Glob(filepath.Join(folder, "*")); err == nil && len(left) == 0 {
			errs = errors.Join(errs, os.Remove(folder))
		}
	}
	if errs == nil {
		say("removed artefact sets, logs and history")
	}
	return errs
}

func removeBases(ctx context.Context, c *config.Config, say func(string)) error {
	builder := newBuilder(c)
	list, err := builder.List()
	if err != nil {
		return err
	}
	return removeEach(ctx, builder, containers(list), say)
}
