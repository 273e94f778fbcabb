package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/printed"
	"github.com/jarloop/jarloop/deployer"
)

func (p *program) logsVerb() *cobra.Command {
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
		Args:    cobra.ArbitraryArgs, ValidArgsFunction: p.namesOf(serviceNames, math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			r, err := logsReader(c, args, since, time.Now())
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("generation") {
				if err := only(r, args, number); err != nil {
					return err
				}
			}
			return showLogs(cmd.Context(), r, follow, console.NewPrinter(cmd.OutOrStdout(), c.Order(), asJSON))
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().StringVar(&since, "since", "", "leave out what was printed last before this `TIME`, or so long ago: 10m, 15:04, 2006-01-02T15:04:05")
	cmd.Flags().IntVar(&number, "generation", 0, "show the generation with this `NUMBER` alone")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line for each line")
	return cmd
}

func logsReader(c *config.Config, args []string, since string, now time.Time) (*printed.Reader, error) {
	names, err := services(c, args)
	if err != nil {
		return nil, err
	}
	r := &printed.Reader{Logs: logsOf(c), Services: names}
	if since != "" {
		r.Since, err = parseSince(since, now)
	}
	return r, err
}

// only makes one generation the only one that is read.
func only(r *printed.Reader, args []string, number int) error {
	if len(args) != 1 {
		return usageError{errors.New("--generation is of one service: name it, as in: jarloop logs --generation 7 frontend")}
	}
	kept, err := r.Generations(args[0])
	if err != nil {
		return logsError(err)
	}
	if !slices.Contains(kept, number) {
		there := "none is"
		if len(kept) > 0 {
			there = "these are: " + strings.Trim(fmt.Sprint(kept), "[]")
		}
		return usageError{fmt.Errorf("no output of generation %d of %s is kept; %s", number, args[0], there)}
	}
	r.Generation = number
	return nil
}

// showLogs shows what the reader reads, until there is nobody to show it to.
func showLogs(ctx context.Context, r *printed.Reader, follow bool, to *console.Printer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var unread error
	r.Line = func(l deployer.Line) {
		if unread != nil {
			return
		}
		if unread = to.Line(l); unread != nil {
			cancel()
		}
	}
	read := r.Print
	if follow {
		read = r.Follow
	}
	err := read(ctx)
	if errors.Is(unread, syscall.EPIPE) {
		return errSilent // whoever read it has had enough
	}
	return logsError(errors.Join(unread, err))
}

func logsError(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return errors.New("what services print is readable by root alone: run it with sudo")
	}
	return err
}

// parseSince gives the time that text means: so long before now, or a time of
// day, or a day, in the local zone where it names none.
func parseSince(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			y, m, d := now.Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("--since %q is neither how long ago, such as 10m or 2h30m, nor a time, such as 15:04 or 2006-01-02T15:04:05", text)}
}
