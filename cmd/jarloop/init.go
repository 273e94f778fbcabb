package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/adopt"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/join"
)

func initVerb(p *cli.Program) *cobra.Command {
	output := "config.toml"
	var o adopt.Options
	var c newCluster
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a configuration from what lies in a shared folder",
		Long: `Init looks at a shared folder (/host if none is named) and writes config.toml:
a service for each folder that holds what runs, called volume-<service> or as the
build calls it, with the command, port, needs, health check and data that its
settings name, and nginx for volume-nginx-conf.d. Where compose.yaml, a Dockerfile,
units of systemd, a Procfile or upstart jobs say how the services were run, they are
run so.
What is guessed is marked; what cannot be translated is said. The folder is not
changed, and no file is overwritten without --force.

With --engine incus a cluster makes the containers. It lets this machine in by a
token, which "incus config trust add NAME" prints on a member: init makes a client
certificate beside the configuration, and has the cluster trust it.`,
		Example: "  jarloop init\n  jarloop init --engine incus --token TOKEN --range 10.88.0.128-10.88.0.159 -o /etc/jarloop/config.toml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.ConfigFile != "" {
				return exit.Usagef("--config names what the other verbs read: say by -o FILE where to write; see jarloop init --help")
			}
			dir := "/host"
			if len(args) > 0 {
				dir = args[0]
			}
			var err error
			if o.Cluster, err = c.plan(output, o.Force); err != nil {
				return err
			}
			return adopt.Write(cmd.Context(), dir, output, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "write this `FILE`; - is the standard output")
	cmd.Flags().StringSliceVar(&o.With, "with", nil, "add `SERVERS` that your services use, of "+strings.Join(adopt.Backings(), ", ")+", each with its base and a password")
	cmd.Flags().BoolVar(&o.Force, "force", false, "overwrite the file if it is there")
	c.flags(cmd)
	return cmd
}

// newCluster is what is said of a cluster that this machine is to join.
type newCluster struct{ engine, token, addresses, owner string }

func (c *newCluster) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.engine, "engine", config.EngineLXC, "what makes containers: lxc on this machine, or a cluster with incus")
	cmd.Flags().StringVar(&c.token, "token", "", "the `TOKEN` by which the cluster lets this machine in")
	cmd.Flags().StringVar(&c.addresses, "range", "", "the `ADDRESSES` that this machine's agent alone gives to containers of the cluster, as FIRST-LAST")
	cmd.Flags().StringVar(&c.owner, "owner", "", "the `NAME` with which those of the cluster begin; that of the token if it is left out")
}

// plan gives the cluster, nil where there is none.
func (c *newCluster) plan(output string, force bool) (*join.Cluster, error) {
	given := c.token + c.addresses + c.owner
	switch {
	case c.engine == config.EngineLXC && given == "":
		return nil, nil
	case c.engine == config.EngineLXC:
		return nil, exit.Usagef("--token, --range and --owner are for --engine incus")
	case c.engine != config.EngineIncus:
		return nil, exit.Usagef("--engine %q is none of lxc and incus", c.engine)
	case c.token == "" || c.addresses == "":
		return nil, exit.Usagef(`--engine incus needs --token, which "incus config trust add NAME" prints on a member, and --range: the addresses that no other agent gives, as in 10.88.0.128-10.88.0.159`)
	case output == "-":
		return nil, exit.Usagef("--engine incus writes certificates beside the configuration: say by -o FILE where")
	}
	return join.Plan(c.token, c.addresses, c.owner, filepath.Dir(output), force)
}
