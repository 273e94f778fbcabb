// Package render writes what the verbs tell a person: tables, the steps of a
// deploy, and the terminal's title. What comes from others is shown by
// console.Plain, so that it gives the terminal no orders.
package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/data"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// JSON writes anything for a program.
func JSON(out io.Writer, what any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(what)
}

// Outcome writes how a deploy ended, and after one that went well what more there
// is to know. It gives exit.ErrSilent for one that failed.
func Outcome(out io.Writer, o control.Outcome, more string) error {
	if o.Error != "" {
		fmt.Fprintf(out, "%s: failed: %s\n", o.Service, console.Plain(o.Error))
		return exit.ErrSilent
	}
	fmt.Fprintf(out, "%s: live: %s %s in %.2f s%s\n", o.Service, o.Generation, console.Short(o.Set), o.Took.Seconds(), more)
	return nil
}

// Bases writes the bases on a machine.
func Bases(out io.Writer, list []bases.Listed) error {
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

// Data writes the data of services.
func Data(out io.Writer, list []data.Listed) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tFOLDER\tSIZE\tCOPY\tCONFIGURED")
	yesNo := map[bool]string{true: "yes", false: "no"}
	for _, d := range list {
		fmt.Fprintln(w, strings.Join([]string{d.Service, console.Plain(d.Folder), console.Size(d.Bytes), yesNo[d.Saved], yesNo[d.Configured]}, "\t"))
	}
	return w.Flush()
}

// Findings writes what the doctor has found.
func Findings(out io.Writer, findings []doctor.Finding) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STATE\tCHECK\tFOUND")
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, console.Plain(f.Check), console.Plain(f.Found))
		if f.Repaired != "" {
			fmt.Fprintf(w, "\t\t  repaired: %s\n", console.Plain(f.Repaired))
		}
		if f.State != doctor.OK && f.Remedy != "" {
			fmt.Fprintf(w, "\t\t  remedy: %s\n", console.Plain(f.Remedy))
		}
	}
	return w.Flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
