package main

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/render"
)

func statusVerb(p *cli.Program) *cobra.Command {
	asJSON, watch, last := false, false, ""
	cmd := &cobra.Command{
		Use:   "status [SERVICE...]",
		Short: "Show what is live, and what of the newest artefacts is not",
		Long: `Status asks the running agent. Its exit status is 0 when every service, or each one
that is named, is live with the newest artefacts, else 1. With --watch it goes on until it is
interrupted: on a terminal in place, elsewhere each time that it has changed.
A terminal that is too narrow for the table gets what is said of the newest
artefacts below the rows, and fewer columns where that is not enough.`,
		Example: "  jarloop status\n  jarloop status --watch frontend person",
		Args:    cobra.ArbitraryArgs, ValidArgsFunction: p.CompleteServices(math.MaxInt),
		RunE: func(cmd *cobra.Command, names []string) error {
			switch {
			case watch && last != "":
				return exit.Usagef("--last is of a deploy that is over: leave out --watch; see jarloop status --help")
			case asJSON && last != "":
				return exit.Usagef("--json has the last deploy of every service: leave out --last; see jarloop status --help")
			}
			c, err := p.Load()
			if err != nil {
				return err
			}
			asked := names
			if last != "" {
				asked = append(asked, last)
			}
			if _, err := cli.Services(c, asked); err != nil {
				return err
			}
			client, show := control.NewClient(folders.Socket(c)), render.Show(render.Status)
			if asJSON {
				show = func(out io.Writer, s control.Status, _ time.Time) error { return render.JSON(out, s) }
			}
			allWell := false
			status := func(ctx context.Context) (control.Status, error) {
				s, err := client.Status(ctx)
				return render.Only(s, names), err
			}
			if watch {
				redraw := !asJSON && console.Redraws(cmd.OutOrStdout())
				allWell, err = render.Watch(cmd.Context(), cmd.OutOrStdout(), status, show, redraw)
			} else {
				var s control.Status
				if s, err = status(cmd.Context()); err != nil {
					return err
				}
				if last != "" {
					return render.LastDeploy(cmd.OutOrStdout(), s, last)
				}
				allWell, err = render.Well(s), show(cmd.OutOrStdout(), s, time.Now())
			}
			if err == nil && !allWell {
				err = exit.ErrSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on until interrupted")
	cmd.Flags().StringVar(&last, "last", "", "show the steps of the last deploy of this `SERVICE`")
	return cmd
}
