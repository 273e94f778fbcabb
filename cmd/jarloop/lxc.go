package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/host"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer/lxc"
)

func lxcVerb() *cobra.Command {
	return &cobra.Command{
		Use:    self.LXCCall,
		Short:  "Make one call of liblxc, for the agent",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return lxc.Serve(os.Stdin, os.Stdout, host.WriteFiles)
		},
	}
}
