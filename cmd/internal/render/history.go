package render

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/sets"
)

// History writes the deploys of a service, the newest first, so many at most, and
// what a person has decided about it.
func History(out io.Writer, s sets.Service, most int) error {
	if len(s.Entries) == 0 {
		_, err := fmt.Fprintf(out, "nothing of %s was deployed yet\n", s.Name)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tGENERATION\tSET\tOUTCOME\tTOOK\tKEPT\tREASON")
	for i, e := range slices.Backward(s.Entries) {
		if len(s.Entries)-i > most {
			break
		}
		took, kept := "-", "no"
		if e.Took > 0 {
			took = fmt.Sprintf("%.2f s", e.Took.Seconds())
		}
		if s.Keeps(e.Set) {
			kept = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Time.Local().Format("2006-01-02 15:04:05"),
			e.Generation, console.Short(e.Set), e.Outcome, took, kept, console.Plain(dash(e.Reason)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if pin := s.Pin; pin != nil {
		fmt.Fprintf(out, "rolled back to %s: it stays until other bytes than %s come\n", console.Short(pin.Set), console.Short(pin.Over))
	}
	if s.Paused {
		fmt.Fprintf(out, "paused: jarloop resume %s goes on\n", s.Name)
	}
	if s.Divert.IsValid() {
		fmt.Fprintf(out, "diverted to %s: jarloop divert %s --off leads back\n", s.Divert, s.Name)
	}
	return nil
}

// Differences writes what differs between two sets.
func Differences(out io.Writer, from, to string, all []sets.Difference) {
	fmt.Fprintf(out, "%s → %s\n", console.Short(from), console.Short(to))
	if len(all) == 0 {
		fmt.Fprintln(out, "nothing differs")
	}
	differences(out, "", all)
}

func differences(out io.Writer, indent string, all []sets.Difference) {
	signs := map[sets.What]string{sets.Added: "+", sets.Removed: "-", sets.Changed: "~"}
	for _, d := range all {
		fmt.Fprintf(out, "%s%s %s\n", indent, signs[d.What], console.Plain(d.Name))
		differences(out, indent+"    ", d.Inside)
	}
}
