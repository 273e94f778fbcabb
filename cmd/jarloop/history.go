package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/history"
)

func (p *program) historyVerb() *cobra.Command {
	most := 0
	cmd := &cobra.Command{
		Use:   "history SERVICE [FROM [TO]]",
		Short: "Show the deploys of a service, and what differs between two sets",
		Long: `History shows what became of the deploys of a service, the newest first, and of
which the sets are kept. With one or two sets, named by how their IDs begin, it
shows which files differ, and inside JARs which entries; TO is the newest kept.
It needs no agent, but root.`,
		Args: cobra.RangeArgs(1, 3), ValidArgsFunction: p.namesOf(serviceNames, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			if _, err := services(c, args[:1]); err != nil {
				return err
			}
			page, err := history.Read(historyOf(c), args[0])
			if errors.Is(err, fs.ErrPermission) {
				return errors.New("the history is readable by root alone: run it with sudo")
			}
			if err != nil {
				return err
			}
			b := bookcase{page: page, sets: filepath.Join(setsOf(c), args[0]), service: args[0]}
			if len(args) > 1 {
				return b.differences(cmd.OutOrStdout(), args[1:])
			}
			return b.list(cmd.OutOrStdout(), most)
		},
	}
	cmd.Flags().IntVarP(&most, "number", "n", 20, "show so many deploys")
	return cmd
}

// bookcase is the history of one service, with the sets that are kept.
type bookcase struct {
	page    history.Page
	sets    string // their folder
	service string
}

func (b bookcase) kept(set string) bool {
	_, err := os.Stat(filepath.Join(b.sets, set))
	return err == nil
}

func (b bookcase) list(out io.Writer, most int) error {
	if len(b.page.Entries) == 0 {
		_, err := fmt.Fprintf(out, "nothing of %s was deployed yet\n", b.service)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHEN\tGENERATION\tSET\tOUTCOME\tTOOK\tKEPT\tREASON")
	for i := len(b.page.Entries) - 1; i >= max(0, len(b.page.Entries)-most); i-- {
		e := b.page.Entries[i]
		took, kept := "-", "no"
		if e.Took > 0 {
			took = fmt.Sprintf("%.2f s", e.Took.Seconds())
		}
		if b.kept(e.Set) {
			kept = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Time.Local().Format("2006-01-02 15:04:05"),
			e.Generation, console.Short(e.Set), e.Outcome, took, kept, console.Plain(dash(e.Reason)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if pin := b.page.Pin; pin != nil {
		fmt.Fprintf(out, "rolled back to %s: it stays until other bytes than %s come\n", console.Short(pin.Set), console.Short(pin.Over))
	}
	if b.page.Paused {
		fmt.Fprintf(out, "paused: jarloop resume %s goes on\n", b.service)
	}
	return nil
}

// differences shows what differs between two sets, of which the second may be
// left out.
func (b bookcase) differences(out io.Writer, names []string) error {
	from, err := b.find(names[0])
	if err != nil {
		return err
	}
	to := ""
	if len(names) > 1 {
		if to, err = b.find(names[1]); err != nil {
			return err
		}
	} else if to = b.newestKept(); to == "" {
		return fmt.Errorf("no set of %s is kept", b.service)
	}
	all, err := history.Compare(filepath.Join(b.sets, from), filepath.Join(b.sets, to))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s → %s\n", console.Short(from), console.Short(to))
	if len(all) == 0 {
		fmt.Fprintln(out, "nothing differs")
	}
	show(out, "", all)
	return nil
}

func show(out io.Writer, indent string, all []history.Difference) {
	signs := map[history.What]string{history.Added: "+", history.Removed: "-", history.Changed: "~"}
	for _, d := range all {
		fmt.Fprintf(out, "%s%s %s\n", indent, signs[d.What], console.Plain(d.Name))
		show(out, indent+"    ", d.Inside)
	}
}

// find gives the one set that is kept and whose ID begins so.
func (b bookcase) find(prefix string) (string, error) {
	entries, err := os.ReadDir(b.sets)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && strings.HasPrefix(e.Name(), prefix) {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return "", usageError{fmt.Errorf("no kept set of %s begins with %q; jarloop history %s shows which are kept", b.service, prefix, b.service)}
	case 1:
		return found[0], nil
	}
	return "", usageError{fmt.Errorf("%q is how %d kept sets of %s begin: give more of it", prefix, len(found), b.service)}
}

// newestKept gives the set that was tried last of those that are kept.
func (b bookcase) newestKept() string {
	for _, e := range slices.Backward(b.page.Entries) {
		if b.kept(e.Set) {
			return e.Set
		}
	}
	return ""
}
