package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
)

// The program's exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong usage or configuration
)

// errSilent is a failure whose reason has been told already.
var errSilent = errors.New("")

// usageError marks an error as one of usage.
type usageError struct{ error }

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
	if err == nil {
		return exitDone
	}
	if text := err.Error(); text != "" {
		for line := range strings.SplitSeq(text, "\n") {
			fmt.Fprintln(stderr, "jarloop: "+console.Plain(line)) // it may hold what a command has printed
		}
	}
	var usage usageError
	var wrong *config.Error
	var input control.InputError
	if errors.As(err, &usage) || errors.As(err, &wrong) || errors.As(err, &input) {
		return exitUsage
	}
	return exitFailed
}

// program is what the verbs share.
type program struct {
	configFile string
}

func newRoot() *cobra.Command {
	p := &program{}
	root := &cobra.Command{
		Use:   "jarloop",
		Short: "Redeploys Java services in LXC containers while you build them",
		Long: `jarloop watches a folder that your build writes JARs into. For each service
whose files have changed it clones a container, copies the files in, starts it,
proves it healthy, leads names and ports to it, and removes the container before.`,
		Version:       programVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          verb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.PersistentFlags().StringVarP(&p.configFile, "config", "c", "",
		"the configuration (default: config.toml here, else /etc/jarloop/config.toml)")
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.Flags().Bool("version", false, "print the version of this program")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(
		p.runVerb(), p.statusVerb(), p.logsVerb(), p.deployVerb(), p.rollbackVerb(), p.historyVerb(), p.pauseVerb(), p.resumeVerb(), p.enterVerb(),
		p.initVerb(), p.doctorVerb(), p.provisionVerb(), p.baseVerb(), p.cleanVerb(), versionVerb(), lxcVerb(),
	)
	checkArgs(root)
	return root
}

// verb says that there is no verb called so below cmd, and which one may be
// meant.
func verb(cmd *cobra.Command, args []string) error {
	err := cobra.NoArgs(cmd, args)
	if err == nil {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("%w: did you mean %q?", err, near[0])
	}
	return err
}

// checkArgs makes wrong arguments of a verb, and of those below it, errors of
// usage.
func checkArgs(c *cobra.Command) {
	c.Args = usageArgs(c.Args)
	for _, below := range c.Commands() {
		checkArgs(below)
	}
}

// usageArgs makes a wrong argument an error of usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
}

// load reads the configuration.
func (p *program) load() (*config.Config, error) {
	path, err := config.Find(p.configFile)
	if err != nil {
		return nil, err
	}
	return config.Load(path)
}

// services checks names of services against the configuration; none means all.
func services(c *config.Config, names []string) ([]string, error) {
	if len(names) == 0 {
		return c.Order(), nil
	}
	for _, name := range names {
		if c.Service(name) == nil {
			return nil, usageError{fmt.Errorf("no service %q in the configuration; there are: %s", name, strings.Join(c.Order(), ", "))}
		}
	}
	return names, nil
}
