package main

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/deployer"
)

// stopGrace is how long services may take to end before they are killed. liblxc may
// wait for twice as long, which is still soon enough when a machine is shut down.
const stopGrace = 4 * time.Second

func stopVerb(p *cli.Program) *cobra.Command {
	atShutdown := false
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop every container, until the agent is started again",
		Long: `Stop ends every service and its container, side by side; what has not ended after
some seconds is killed. Nothing is removed: run starts what was live again. No agent
may be running. The systemd unit calls it with --at-shutdown.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if atShutdown {
				// Its exit status is 0 for "running" alone (systemctl(1)).
				state, _ := exec.CommandContext(ctx, "systemctl", "is-system-running").Output()
				if strings.TrimSpace(string(state)) != "stopping" {
					return nil
				}
			}
			c, err := loadAsRoot(p)
			if err != nil {
				return err
			}
			lock, err := folders.Lock(ctx, c)
			if err != nil {
				return err
			}
			defer lock.Close()
			engine, err := machine.Engine(c, netip.Prefix{})
			if err != nil {
				return err
			}
			defer engine.Close()
			_, release, err := machine.Lease(ctx, engine, func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) })
			if err != nil {
				return err
			}
			defer func() { _ = release() }() // else it lapses
			stopped, err := deployer.StopAll(ctx, engine, stopGrace)
			for _, name := range stopped {
				fmt.Fprintln(cmd.OutOrStdout(), "stopped container "+name)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&atShutdown, "at-shutdown", false, "do nothing unless systemd is shutting the machine down")
	return cmd
}
