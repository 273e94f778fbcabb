package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

func (p *program) statusVerb() *cobra.Command {
	asJSON, watch, last := false, false, ""
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what is live, and what of the newest artefacts is not",
		Long: `Status asks the running agent. Its exit status is 0 when every service is live
with the newest artefacts, else 1. With --watch it goes on until it is
interrupted: on a terminal in place, elsewhere each time that it has changed.`,
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
			client, show := control.NewClient(socketOf(c)), tableFor(console.Coloured(cmd.OutOrStdout()))
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

// tableFor gives table for a person who reads in colour or not.
func tableFor(colour bool) func(io.Writer, control.Status, time.Time) error {
	if !colour {
		return table
	}
	return func(out io.Writer, s control.Status, now time.Time) error {
		var b bytes.Buffer
		if err := table(&b, s, now); err != nil {
			return err
		}
		// Now, when the columns have their widths.
		lines := strings.SplitAfter(b.String(), "\n")
		for i, service := range s.Services {
			lines[i+1] = strings.Replace(lines[i+1], " "+service.State, " "+console.PaintState(service.State), 1)
		}
		_, err := io.WriteString(out, strings.Join(lines, ""))
		return err
	}
}

// table writes the status for a person.
func table(out io.Writer, s control.Status, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tSTATE\tGENERATION\tSET\tSINCE\tMEMORY\tRESTARTS\tADDRESS\tNEWEST ON DISK")
	for _, service := range s.Services {
		since := ""
		if !service.Since.IsZero() {
			since = max(0, now.Sub(service.Since)).Round(time.Second).String() // a clock may have been set back
		}
		memory, restarts := "", ""
		if service.Memory > 0 {
			memory = console.Size(service.Memory)
		}
		if service.Generation != "" {
			restarts = strconv.Itoa(service.Restarts)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", service.Service, service.State, dash(service.Generation),
			dash(console.Short(service.Set)), dash(since), dash(memory), dash(restarts), dash(service.Address), newest(service))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, service := range s.Services {
		for _, name := range slices.Sorted(maps.Keys(service.Left)) {
			fmt.Fprintf(out, "%s cannot be removed yet: %s\n", name, console.Plain(service.Left[name]))
		}
	}
	if s.Degraded != "" {
		fmt.Fprintln(out, "degraded: "+console.Plain(s.Degraded))
	}
	_, err := fmt.Fprintf(out, "agent %s, process %d, %s\n", s.Version, s.PID, console.Plain(s.Watching))
	return err
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// newest says what is on disk when that is not what serves, and why.
func newest(s deployer.Status) string {
	if len(s.WaitsFor) > 0 {
		return "waits for " + strings.Join(s.WaitsFor, ", ")
	}
	text := dash(string(s.Newest.State))
	if s.Newest.State != "" && s.Newest.Set != "" {
		text = console.Short(s.Newest.Set) + " " + text
	}
	if s.Newest.Reason != "" {
		text += ": " + console.Plain(s.Newest.Reason)
	}
	if s.Failed != "" {
		text += "; " + s.Failed + " is kept"
	}
	return text
}
