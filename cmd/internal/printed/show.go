package printed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/deployer"
)

// Only makes one generation of a service the only one that is read.
func (r *Reader) Only(service string, number int) error {
	kept, err := r.Generations(service)
	if err != nil {
		return readable(err)
	}
	if !slices.Contains(kept, number) {
		if len(kept) == 0 {
			return exit.Usagef("no output of %s is kept; jarloop status says what becomes of it", service)
		}
		slices.Sort(kept)
		return exit.Usagef("no output of generation %d of %s is kept; there are: %s", number, service,
			strings.ReplaceAll(strings.Trim(fmt.Sprint(kept), "[]"), " ", ", "))
	}
	r.Generation = number
	return nil
}

// Show gives the lines that are there to line, in place of r.Line, and with follow
// those that come, until ctx ends or line fails.
func (r *Reader) Show(ctx context.Context, follow bool, line func(deployer.Line) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var unread error
	r.Line = func(l deployer.Line) {
		if unread != nil {
			return
		}
		if unread = line(l); unread != nil {
			cancel()
		}
	}
	read := r.Print
	if follow {
		read = r.Follow
	}
	err := read(ctx)
	if errors.Is(unread, syscall.EPIPE) {
		return exit.ErrSilent // whoever read it has had enough
	}
	return readable(errors.Join(unread, err))
}

func readable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return errors.New("what services print is readable by root alone: run it with sudo")
	}
	return err
}

// ParseSince gives the time that text means: so long before now, or a time of day,
// or a day, in the local zone where it names none.
func ParseSince(text string, now time.Time) (time.Time, error) {
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
	return time.Time{}, exit.Usagef("--since %q is neither how long ago, such as 10m or 2h30m, nor a time, such as 15:04 or 2006-01-02T15:04:05", text)
}
