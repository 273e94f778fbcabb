package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/network/relay"
)

// relayVerb is the hidden verb under which the program is what keeps connections
// waiting while a service is replaced.
func relayVerb() *cobra.Command {
	return &cobra.Command{
		Use:    self.Relay,
		Short:  "Keep connections to a service waiting, for the agent",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return relay.Serve(cmd.Context(), os.Stdin, os.Stdout)
		},
	}
}
