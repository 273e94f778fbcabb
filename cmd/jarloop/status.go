package main

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
)

func (p *program) statusVerb() *cobra.Command {
	asJSON, watch, last := false, false, ""
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what is live, and what of the newest artefacts is not",
		Long: `Status asks the running agent. Its exit status is 0 when every service is live
with the newest artefacts, else 1. With --watch it goes on until it is
interrupted: on a terminal in place, elsewhere each time that it has changed.
A terminal that is too narrow for the table gets what is said of the newest
artefacts below the rows, and fewer columns where that is not enough.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case watch && last != "":
				return usageError{errors.New("--last is of a deploy that is over: leave out --watch; see jarloop status --help")}
			case asJSON && last != "":
				return usageError{errors.New("--json has the last deploy of every service: leave out --last; see jarloop status --help")}
			}
			c, err := p.load()
			if err != nil {
				return err
			}
			if last != "" {
				if _, err := services(c, []string{last}); err != nil {
					return err
				}
			}
			client, show := control.NewClient(socketOf(c)), readerOf(cmd.OutOrStdout()).table
			if asJSON {
				show = statusJSON
			}
			allWell := false
			if watch {
				w := statusWatch{
					out: cmd.OutOrStdout(), ask: client.Status, show: show, now: time.Now,
					redraw: !asJSON && console.Redraws(cmd.OutOrStdout()),
				}
				allWell, err = w.run(cmd.Context())
			} else {
				var s control.Status
				if s, err = client.Status(cmd.Context()); err != nil {
					return err
				}
				if last != "" {
					return waterfall(cmd.OutOrStdout(), s, last)
				}
				allWell, err = well(s), show(cmd.OutOrStdout(), s, time.Now())
			}
			if err == nil && !allWell {
				err = errSilent
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on until interrupted")
	cmd.Flags().StringVar(&last, "last", "", "show the steps of the last deploy of this `SERVICE`")
	return cmd
}

func statusJSON(out io.Writer, s control.Status, _ time.Time) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}

func well(s control.Status) bool {
	for _, service := range s.Services {
		if service.State != "live" {
			return false
		}
	}
	return s.Degraded == ""
}
