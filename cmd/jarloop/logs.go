package main

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/cmd/internal/printed"
	"github.com/jarloop/jarloop/deployer"
)

func logsVerb(p *cli.Program) *cobra.Command {
	follow, asJSON, since, number := false, false, "", 0
	cmd := &cobra.Command{
		Use:   "logs [SERVICE...]",
		Short: "Show what services have printed, failed generations' too",
		Long: `Logs shows what the generations of services have printed, as far as it is kept:
standard output and error, and the files that the configuration names. With -f
it goes on with what comes, and with new generations, until it is interrupted.
It needs no agent, but root.

Lines come in the order in which a generation printed them, each once, and
generations by number. Lines do not say when they were printed, so those of
several services follow each other by when a generation has last printed, and
--since leaves out generations that have printed nothing since then. -f with
--since 0s shows only what comes.`,
		Example: "  jarloop logs -f\n  jarloop logs --generation 7 frontend\n  jarloop logs --since 10m web person",
		Args:    cobra.ArbitraryArgs, ValidArgsFunction: p.CompleteServices(math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			r := &printed.Reader{Logs: folders.Logs(c), Record: machine.Records(c)}
			if r.Services, err = cli.Services(c, args); err != nil {
				return err
			}
			if since != "" {
				if r.Since, err = printed.ParseSince(since, time.Now()); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("generation") {
				if len(args) != 1 {
					return exit.Usagef("--generation is of one service: name it, as in: jarloop logs --generation 7 frontend")
				}
				if err := r.Only(args[0], number); err != nil {
					return err
				}
			}
			out, some := console.NewPrinter(cmd.OutOrStdout(), c.Order(), asJSON), false
			err = r.Show(cmd.Context(), follow, func(l deployer.Line) error { some = true; return out.Line(l) })
			if err == nil && !some && !follow && since == "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "jarloop: nothing is kept of what %s printed; jarloop status says what is live\n",
					cmp.Or(strings.Join(args, ", "), "services"))
			}
			return err
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().StringVar(&since, "since", "", "leave out what was printed last before this `TIME`, or so long ago: 10m, 15:04, 2006-01-02T15:04:05")
	cmd.Flags().IntVar(&number, "generation", 0, "show the generation with this `NUMBER` alone")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line for each line")
	return cmd
}
