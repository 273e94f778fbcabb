package main

import (
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/checkup"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/render"
)

func doctorVerb(p *cli.Program) *cobra.Command {
	asJSON, fix := false, false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the machine, and say how to repair it",
		Long: `Doctor looks at everything that jarloop rests on and changes nothing, unless
--fix is given: then it repairs what is safe to repair (ip_forward, the limits of
inotify, folders of its own, LXC's bridge) and says so. Its exit status is 1
when something has failed; warnings leave it 0. Before there is a configuration
it checks the machine for one that says nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.Load()
			var none []doctor.Finding
			if p.ConfigFile == "" && errors.Is(err, fs.ErrNotExist) {
				none = []doctor.Finding{{Check: "configuration", State: doctor.Warning, Found: "none yet", Remedy: "sudo jarloop init " + config.Default().Watch.Dir}}
				c, err = config.Default(), nil
			}
			if err != nil {
				return err
			}
			m := checkup.Machine(c)
			findings := doctor.Examine(cmd.Context(), m)
			if fix {
				findings, err = doctor.Repair(cmd.Context(), m, findings)
			}
			if e := tellFindings(cmd.OutOrStdout(), append(none, findings...), asJSON); e != nil {
				return e
			}
			if err == nil && cmd.Context().Err() != nil {
				err = cmd.Context().Err()
			}
			for _, f := range findings {
				if err == nil && f.State == doctor.Failed {
					err = exit.ErrSilent
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
		return render.JSON(out, findings)
	}
	return render.Findings(out, findings)
}
