package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/deployer/lxc"
)

// lxcCall is the hidden verb under which the program is the child that calls
// liblxc.
const lxcCall = "lxc-call"

func lxcVerb() *cobra.Command {
	return &cobra.Command{
		Use:    lxcCall,
		Short:  "Make one call of liblxc, for the agent",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return lxc.Serve(os.Stdin, os.Stdout)
		},
	}
}
