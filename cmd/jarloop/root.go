package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/self"
)

// run is the program: it gives the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	// A terminal that closes ends the reading, not the agent; a write to a
	// pipe that nobody reads is an error like others.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && err.Error() != "" {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(stderr, "jarloop: "+console.Plain(line)) // it may hold what a command has printed
		}
	}
	return exit.Status(err)
}

func newRoot() *cobra.Command {
	p := &cli.Program{}
	root := &cobra.Command{
		Use:   "jarloop",
		Short: "Redeploys Java services in LXC containers while you build them",
		Long: `jarloop watches a folder that your build writes JARs into. For each service
whose files have changed it clones a container, copies the files in, starts it,
proves it healthy, switches names and ports to it, and removes the old container.`,
		Version:       self.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.Verb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.PersistentFlags().StringVarP(&p.ConfigFile, "config", "c", "",
		"the configuration (default: config.toml here, else /etc/jarloop/config.toml)")
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.Flags().Bool("version", false, "print the version of this program")
	root.AddCommand(
		runVerb(p), statusVerb(p), logsVerb(p), deployVerb(p), rollbackVerb(p), historyVerb(p), pauseVerb(p), resumeVerb(p), divertVerb(p), restartVerb(p), enterVerb(p), pageVerb(p),
		initVerb(p), doctorVerb(p), provisionVerb(p), baseVerb(p), dataVerb(p), stopVerb(p), cleanVerb(p), versionVerb(), lxcVerb(), relayVerb(),
	)
	cli.CheckUsage(root)
	return root
}
