// Package cli is what the verbs of the command line share: the configuration that
// they read, the names in it, and how wrong arguments are told.
package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// Program is what is said to the program before a verb.
type Program struct {
	ConfigFile string // --config; "" is the default
}

// Load reads the configuration.
func (p *Program) Load() (*config.Config, error) {
	path, err := config.Find(p.ConfigFile)
	if err != nil {
		return nil, err
	}
	return config.Load(path)
}

// Complete gives what a shell may complete names with: those that are not on the
// line yet, the first so many arguments being names. Without a configuration there
// are none.
func (p *Program) Complete(names func(*config.Config) []string, most int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		c, err := p.Load()
		if err != nil || len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		left := slices.DeleteFunc(slices.Clone(names(c)), func(name string) bool { return slices.Contains(args, name) })
		return left, cobra.ShellCompDirectiveNoFileComp
	}
}

// CompleteServices completes names of services.
func (p *Program) CompleteServices(most int) cobra.CompletionFunc {
	return p.Complete((*config.Config).Order, most)
}

// Services checks names of services against the configuration; none means all.
func Services(c *config.Config, names []string) ([]string, error) {
	if len(names) == 0 {
		return c.Order(), nil
	}
	for _, name := range names {
		if c.Service(name) == nil {
			return nil, exit.Usagef("no service %q in the configuration%s", name,
				config.Meant(name, c.Order(), "; there are: "+strings.Join(c.Order(), ", ")))
		}
	}
	return names, nil
}

// Verb says that there is no verb called so below cmd, and which one may be meant.
func Verb(cmd *cobra.Command, args []string) error {
	err := cobra.NoArgs(cmd, args)
	if err == nil {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("%w: did you mean %q?", err, near[0])
	}
	return err
}

// CheckUsage makes wrong flags and arguments of a verb, and of those below it,
// errors of usage.
func CheckUsage(c *cobra.Command) {
	c.SetFlagErrorFunc(usage)
	check := c.Args
	c.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usage(cmd, err)
		}
		return nil
	}
	for _, below := range c.Commands() {
		CheckUsage(below)
	}
}

func usage(cmd *cobra.Command, err error) error {
	return exit.Usagef("%w; see %s --help", err, cmd.CommandPath())
}
