package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/folders"
)

func pageVerb(p *cli.Program) *cobra.Command {
	renew, token := false, false
	cmd := &cobra.Command{
		Use:   "page",
		Short: "Print the address of the page that shows the system in a browser",
		Long: `Page asks the running agent where its page is, and prints the address to open, with
the token that lets in who has it: they can do there what these verbs can. The
configuration says where the page listens, in [page].`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.Load()
			if err != nil {
				return err
			}
			at, err := control.NewClient(folders.Socket(c)).Page(cmd.Context(), control.PageRequest{Renew: renew})
			switch {
			case err != nil:
				return err
			case token:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), at.Token)
			case at.URL == "":
				err = errors.New(`there is no page: page.listen is "off"`)
			default:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), at.URL)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&renew, "new-token", false, "make another token, and let in nobody who had an earlier one")
	cmd.Flags().BoolVar(&token, "token", false, "print the token alone, as for Authorization: Bearer")
	return cmd
}
