package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer/base"
)

func (p *program) listVerb() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the bases that jarloop has built on this machine",
		Long: `List shows the bases that jarloop has built on this machine: whether the
configuration asks for each of them, how many clones rest on it, and what it
takes of the disk. One that is not configured is left over from a recipe that has
changed. Clones that are copies or snapshots of btrfs rest on none.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			list, err := listBases(cmd.Context(), c)
			if errors.Is(err, fs.ErrPermission) {
				err = cmp.Or(needRoot(), err)
			}
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(list)
			}
			return baseTable(cmd.OutOrStdout(), list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// listed is a base on this machine.
type listed struct {
	Container  string    `json:"container"`
	Base       string    `json:"base"`       // its name in the configuration that it was built from
	Configured bool      `json:"configured"` // in this one, of the same recipe
	Clones     []string  `json:"clones"`
	Bytes      int64     `json:"bytes"`
	Begun      time.Time `json:"begun"`
	Complete   bool      `json:"complete"`
}

func listBases(ctx context.Context, c *config.Config) ([]listed, error) {
	builder := newBuilder(c)
	bases, err := builder.List()
	if err != nil {
		return nil, err
	}
	wanted, err := configured(c)
	if err != nil {
		return nil, err
	}
	list := []listed{} // none is an empty list, in JSON too
	for _, b := range bases {
		size, err := builder.Size(ctx, b.Container)
		if err != nil {
			return nil, err
		}
		list = append(list, listed{
			Container: b.Container, Base: b.Name, Configured: slices.Contains(wanted, b.Container),
			Clones: append([]string{}, b.Clones...), Bytes: size, Begun: b.Begun, Complete: b.Complete,
		})
	}
	return list, nil
}

func baseTable(out io.Writer, list []listed) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tBASE\tCONFIGURED\tCLONES\tSIZE\tBUILT")
	for _, b := range list {
		is, built := "no", b.Begun.Local().Format(time.DateTime)
		if b.Configured {
			is = "yes"
		}
		if !b.Complete {
			built += ", not to its end"
		}
		fmt.Fprintln(w, strings.Join([]string{b.Container, b.Base, is, strconv.Itoa(len(b.Clones)), console.Size(b.Bytes), built}, "\t"))
	}
	return w.Flush()
}

func (p *program) removeVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME...",
		Short: "Remove bases that jarloop has built",
		Long: `Remove removes bases that jarloop has built, by the names that list shows. It
refuses while clones rest on one, and while an agent runs that makes clones of it;
without an agent, the next one builds those again that the configuration has.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: p.removeArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			if err := needRoot(); err != nil {
				return err
			}
			return removeNamed(cmd.Context(), c, args, func(what string) { fmt.Fprintln(cmd.OutOrStdout(), what) })
		},
	}
}

// removeArgs completes the bases that are on this machine.
func (p *program) removeArgs(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return p.namesOf(func(c *config.Config) []string {
		bases, _ := newBuilder(c).List() // who may not look is offered none
		return containers(bases)
	}, len(args)+1)(cmd, args, begun)
}

// removeNamed removes all of the bases that are named, or none where one of them
// must stay for the agent's sake.
func removeNamed(ctx context.Context, c *config.Config, names []string, say func(string)) error {
	builder := newBuilder(c)
	list, err := builder.List()
	if err != nil {
		return err
	}
	there := containers(list)
	taken, release, err := cloned(ctx, c)
	if err != nil {
		return err
	}
	defer release()
	for _, name := range names {
		switch {
		case !slices.Contains(there, name) && len(there) == 0:
			return usageError{fmt.Errorf("there is no base in %s that jarloop has built", c.LXC.Path)}
		case !slices.Contains(there, name):
			return usageError{fmt.Errorf("no base %q in %s that jarloop has built; there are: %s", name, c.LXC.Path, strings.Join(there, ", "))}
		case slices.Contains(taken, name):
			return usageError{fmt.Errorf("the agent that runs makes clones of %s: stop it, or change the recipe in the configuration first", name)}
		}
	}
	err = removeEach(ctx, builder, names, say)
	switch {
	case errors.Is(err, base.ErrClones):
		return usageError{fmt.Errorf("%w\nclones go when their services have been deployed from another base, and with jarloop clean", err)}
	case errors.Is(err, base.ErrRunning):
		return usageError{err}
	}
	return err
}

// removeEach removes bases, as far as that can be.
func removeEach(ctx context.Context, builder *base.Store, containers []string, say func(string)) error {
	var errs error
	for _, container := range containers {
		if err := builder.Remove(ctx, container); err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		say("removed base " + container)
	}
	return errs
}

// cloned gives the bases that an agent makes clones of, or is about to. Where none
// runs, none can start until release is called.
func cloned(ctx context.Context, c *config.Config) (bases []string, release func(), err error) {
	release = func() {}
	if _, err := os.Stat(lockOf(c)); errors.Is(err, fs.ErrNotExist) {
		return nil, release, nil // no agent since the boot: there is nothing to make for its sake
	}
	lock, err := lockFolders(ctx, c)
	if err == nil {
		return nil, func() { lock.Close() }, nil
	}
	if !errors.Is(err, errBusy) {
		return nil, nil, err
	}
	// It may not have taken up what the file says now, or be about to.
	if bases, err = configured(c); err != nil {
		return nil, nil, err
	}
	s, err := control.NewClient(socketOf(c)).Status(ctx)
	if err != nil && !errors.Is(err, control.ErrNoAgent) { // one that starts or ends
		return nil, nil, err
	}
	return append(bases, s.Bases...), release, nil
}

// configured gives the containers of the configuration's bases.
func configured(c *config.Config) ([]string, error) {
	var names []string
	for _, b := range c.Bases {
		r, err := recipe(b)
		if err != nil {
			return nil, err
		}
		names = append(names, r.Container())
	}
	return names, nil
}

// leftOver gives the bases that no configuration asks for any more, and no clone
// rests on.
func leftOver(c *config.Config) ([]string, error) {
	wanted, err := configured(c)
	if err != nil {
		return nil, err
	}
	list, err := newBuilder(c).List()
	return containers(slices.DeleteFunc(list, func(b base.Base) bool {
		return len(b.Clones) > 0 || slices.Contains(wanted, b.Container)
	})), err
}

func containers(bases []base.Base) (names []string) {
	for _, b := range bases {
		names = append(names, b.Container)
	}
	return names
}
