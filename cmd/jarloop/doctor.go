package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
)

func (p *program) doctorVerb() *cobra.Command {
	asJSON, fix := false, false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the machine, and say how to repair it",
		Long: `Doctor looks at everything that jarloop rests on and changes nothing, unless
--fix is given: then it repairs what is safe to repair (ip_forward, the limits of
inotify, folders of its own, LXC's bridge) and says so. Its exit status is 1
when something has failed; warnings leave it 0.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.load()
			if err != nil {
				return err
			}
			m := machine(c)
			findings := doctor.Examine(cmd.Context(), m)
			if fix {
				findings, err = doctor.Repair(cmd.Context(), m, findings)
			}
			if e := tellFindings(cmd.OutOrStdout(), findings, asJSON); e != nil {
				return e
			}
			if err == nil && cmd.Context().Err() != nil {
				err = cmd.Context().Err()
			}
			for _, f := range findings {
				if err == nil && f.State == doctor.Failed {
					err = errSilent
				}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&fix, "fix", false, "repair what is safe to repair")
	return cmd
}

func tellFindings(out io.Writer, findings []doctor.Finding, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(findings)
	}
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

// machine is the one that the program runs on.
func machine(c *config.Config) *doctor.Machine {
	builder := newBuilder(c)
	return doctor.NewMachine(c, lxcChild(), func(b config.Base) (string, bool, error) {
		r, err := recipe(b)
		if err != nil {
			return "", false, err
		}
		container, there := builder.There(r)
		return container, there, nil
	}, func() ([]string, error) { return leftOver(c) })
}

// needRoot stops what cannot do without root, in the doctor's words.
func needRoot() error { return doctor.Root(os.Geteuid()).Err() }
