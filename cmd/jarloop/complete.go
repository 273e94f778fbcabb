package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// namesOf gives what a shell may complete names of services or bases with: the
// configuration's that are not on the line yet, the first so many arguments
// being names. Without a configuration there are none.
func (p *program) namesOf(names func(*config.Config) []string, most int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		c, err := p.load()
		if err != nil || len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		left := slices.DeleteFunc(slices.Clone(names(c)), func(name string) bool { return slices.Contains(args, name) })
		return left, cobra.ShellCompDirectiveNoFileComp
	}
}

func serviceNames(c *config.Config) []string { return c.Order() }

func baseNames(c *config.Config) []string {
	var names []string
	for _, b := range c.Bases {
		names = append(names, b.Name)
	}
	return names
}
