package main

import (
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
)

func (p *program) deployVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "deploy [SERVICE...]",
		Short: "Deploy services now, even if nothing has changed",
		Long: `Deploy makes the running agent deploy what is in the shared folder now, even
what is live already, and even what failed before. It waits for the outcome.`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: p.namesOf(serviceNames, math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			names, err := services(c, args)
			if err != nil {
				return err
			}
			outcomes, err := control.NewClient(socketOf(c)).Deploy(cmd.Context(), names)
			if err != nil {
				return err
			}
			for _, o := range outcomes {
				if e := tellOutcome(cmd.OutOrStdout(), o, ""); e != nil {
					err = e
				}
			}
			return err
		},
	}
}

// tellOutcome tells a person how a deploy ended, and after one that went well
// what more there is to know. It gives errSilent for one that failed.
func tellOutcome(out io.Writer, o control.Outcome, more string) error {
	if o.Error != "" {
		fmt.Fprintf(out, "%s: failed: %s\n", o.Service, console.Plain(o.Error))
		return errSilent
	}
	fmt.Fprintf(out, "%s: live: %s %s in %.2f s%s\n", o.Service, o.Generation, console.Short(o.Set), o.Took.Seconds(), more)
	return nil
}
