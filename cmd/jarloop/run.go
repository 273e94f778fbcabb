package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/checkup"
	"github.com/jarloop/jarloop/cmd/internal/cli"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/history"
	"github.com/jarloop/jarloop/cmd/internal/host"
	"github.com/jarloop/jarloop/cmd/internal/notify"
	"github.com/jarloop/jarloop/cmd/internal/render"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

func runVerb(p *cli.Program) *cobra.Command {
	mute, untitled := false, false
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch the shared folder and redeploy what changes",
		Long: `Run builds the bases that are missing, brings up the services that have
artefacts, and then redeploys each service when its files change, until it is
interrupted. What is changed in the configuration meanwhile is taken up. The
containers go on serving without it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := config.Find(p.ConfigFile)
			if err != nil {
				return err
			}
			text, err := config.Read(path)
			if err != nil {
				return err
			}
			c, err := config.Parse(path, text)
			if err != nil {
				return err
			}
			out := console.New(os.Stdout, c.Order())
			if mute {
				out.Mute()
			}
			if untitled {
				out.Untitled()
			}
			defer out.Detach()()
			defer out.TakeTitle()()
			return runAgent(cmd.Context(), source{path, text}, c, out)
		},
	}
	cmd.Flags().BoolVar(&mute, "no-bell", false, "do not ring the terminal's bell when something has failed")
	cmd.Flags().BoolVar(&untitled, "no-title", false, "do not show in the terminal's title how the services are doing")
	return cmd
}

// runAgent is the main job, from the lock to the last word.
func runAgent(ctx context.Context, from source, c *config.Config, out *console.Console) error {
	if err := checkup.NeedRoot(); err != nil {
		return err
	}
	lock, err := folders.Lock(ctx, c)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := doctor.Preflight(ctx, checkup.Machine(c), out.Complain); err != nil {
		return err
	}

	containers, err := bases.Provision(ctx, c, nil, out)
	if err != nil {
		return err
	}
	if err := folders.LetPass(c); err != nil {
		return err
	}
	network, err := host.NewNetwork(c, out.Say)
	if err != nil {
		return err
	}
	defer network.Close()
	watch, err := watcher.New(watchOptions(c), watchServices(c))
	if err != nil {
		return err
	}
	book, err := history.Open(folders.History(c))
	if err != nil {
		return err
	}
	a := newAgent(c, containers, network, watch, book, out)
	socket, err := control.Listen(folders.Socket(c))
	if err != nil {
		return err
	}
	defer socket.Close()

	out.Say("version " + self.Version() + ", " + a.watching)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return control.Serve(ctx, socket, a, out.Complain) })
	group.Go(func() error { a.notify.Run(ctx); return nil })
	group.Go(func() error {
		// Artefacts are looked for when it is known what is live.
		return a.deployer.Run(ctx, func() {
			supervisor(daemon.SdNotifyReady)
			group.Go(func() error { out.KeepTitle(ctx, func() string { return render.Title(a.Status()) }); return nil })
			group.Go(func() error { return a.watch.Run(ctx, a.seen) })
			group.Go(func() error {
				r := &reloader{agent: a, network: network, now: c}
				config.Follow(ctx, from.path, from.text, r.changed)
				return nil
			})
		})
	})
	err = group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	out.Say("stopped; what is live goes on serving")
	return err
}

// newAgent makes the agent of what has been opened. It touches nothing yet.
func newAgent(c *config.Config, bases map[string]string, network *host.Network, watch *watcher.Watcher, book *history.Book, out *console.Console) *agent {
	mode, why := watch.Choice()
	why = strings.Replace(why, c.Watch.Dir+" is ", "it is ", 1) // it is named before
	a := &agent{
		out: out, watch: watch, book: book, sets: folders.Sets(c), keepSets: c.Watch.Keep,
		started: time.Now(), watching: fmt.Sprintf("watches %s by %s: %s", c.Watch.Dir, mode, why),
		notify:   notify.New(notifyOptions(c), out.Complain),
		changing: map[string]bool{},
		asked:    map[string][]chan control.Outcome{}, turns: map[string]*turn{},
		degraded: map[string]string{}, newest: map[string]string{}, refused: map[string]string{},
	}
	a.clones(bases)
	a.deployer = deployer.New(deployer.Options{
		Services: deployServices(c, bases), Logs: folders.Logs(c),
		KeepLogs: int64(c.Logs.Keep), KeepGenerations: c.Logs.Generations, Standby: c.LXC.Standby, KeepFailed: c.LXC.KeepFailed,
		Reserve: int64(c.LXC.Reserve), Together: c.Watch.Together,
		Stable:  c.LXC.Wiring == config.WiringStable,
		Machine: host.NewMachine(c, self.LXCChild()), Network: network,
		Beat: func() { supervisor(daemon.SdNotifyWatchdog) },
		Hook: a.hook, Lost: a.again, Tell: a.tell, Output: out.Line,
	})
	return a
}

// supervisor tells systemd, where that started the agent. An agent whose
// wiring is no longer looked after is killed and started again; its containers
// go on.
func supervisor(state string) {
	_, _ = daemon.SdNotify(false, state) // it ends what it does not hear of
}

func watchOptions(c *config.Config) watcher.Options {
	return watcher.Options{
		Root: c.Watch.Dir, Mode: watcher.Mode(c.Watch.Mode), Poll: c.Watch.Poll.Duration,
		Store:  folders.Sets(c),
		Settle: max(c.Watch.Settle.Duration, time.Millisecond), // 0 would be the watcher's own default
	}
}

func watchServices(c *config.Config) []watcher.Service {
	var all []watcher.Service
	for _, s := range c.Services {
		all = append(all, watcher.Service{Name: s.Name, Dir: s.Source, Files: s.Files, Runs: c.Runs(s.Name)})
	}
	return all
}

// deployServices gives the services as a deploy sees them; bases are the
// containers of the bases, by name.
func deployServices(c *config.Config, bases map[string]string) []deployer.Service {
	var all []deployer.Service
	for _, name := range c.Order() {
		s := c.Service(name)
		all = append(all, deployer.Service{
			Name: s.Name, Base: bases[s.Base], Target: s.Target, Exec: s.Exec, Port: uint16(s.Port),
			Needs: s.Needs, Logs: s.Logs, HealthPath: s.Health.Path, HealthTimeout: s.Health.Timeout.Duration,
			Drain: s.Drain.Duration, OnRewire: s.OnRewire, Debug: uint16(s.Debug),
			Before: s.BeforeDeploy, After: s.AfterDeploy, HookTimeout: s.HookTimeout.Duration,
		})
	}
	return all
}
