package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/checkup"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/cmd/internal/notify"
	"github.com/jarloop/jarloop/cmd/internal/render"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/watcher"
)

// Run is the agent, from the lock to the last word.
func Run(ctx context.Context, from config.Source, c *config.Config, out *console.Console) error {
	if err := checkup.NeedRoot(); err != nil {
		return err
	}
	// The root of an unprivileged guest has to come to the folder for what it
	// prints, whatever the umask of who starts the agent.
	syscall.Umask(0o022)
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
	if err := folders.EmptyScratch(c); err != nil {
		return err
	}
	m, err := machine.Open(ctx, c, out.Say)
	if err != nil {
		return err
	}
	defer m.Close()
	watch, err := watcher.New(watchOptions(c), watchServices(c))
	if err != nil {
		return err
	}
	book, err := history.Open(folders.History(c))
	if err != nil {
		return err
	}
	external := newExternals(c.Externals, out.Say, out.Complain)
	a := newAgent(c, containers, m, watch, book, out, external.first(ctx))
	a.external, external.set = external, a.deployer.SetExternal
	a.firewall = newFirewall(a, c, m.Pool)
	a.members = newMemberPorts(a, c, m.Pool)
	if err := a.members.hold(ctx); err != nil {
		return err
	}
	if err := a.openPage(c); err != nil {
		return err
	}
	socket, err := control.Listen(folders.Socket(c))
	if err != nil {
		return err
	}
	defer socket.Close()

	out.Say("version " + self.Version() + ", " + a.watching)
	err = a.work(ctx, from, c, m, socket)
	out.Say("stopped; what is live goes on serving")
	return err
}

// work does all that an agent does, until ctx ends or a part of it fails.
func (a *agent) work(ctx context.Context, from config.Source, c *config.Config, m *machine.Machine, socket net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return control.Serve(ctx, socket, a, a.out.Complain) })
	group.Go(func() error { return m.Keep(ctx, func(err error) { a.noteAway(c, err) }) })
	group.Go(func() error { a.notify.Run(ctx); return nil })
	group.Go(func() error { a.page.Run(ctx); return nil })
	group.Go(func() error {
		// Artefacts are looked for when it is known what is live.
		return a.deployer.Run(ctx, func() {
			supervisor(daemon.SdNotifyReady)
			a.tellUnready(c, &config.Config{})
			group.Go(func() error { a.out.KeepTitle(ctx, func() string { return render.Title(a.Status()) }); return nil })
			group.Go(func() error { return a.watch.Run(ctx, a.seen) })
			group.Go(func() error { a.external.follow(ctx); return nil })
			group.Go(func() error { a.firewall.watch(ctx); return nil })
			group.Go(func() error { a.members.keep(ctx); return nil })
			group.Go(func() error {
				r := &reloader{agent: a, now: c}
				config.Follow(ctx, from, r.changed)
				return nil
			})
		})
	})
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// newAgent makes the agent of what has been opened. It touches nothing yet.
func newAgent(c *config.Config, containers map[string]string, m *machine.Machine, watch *watcher.Watcher,
	book *history.Book, out *console.Console, external map[string]netip.AddrPort) *agent {
	mode, why := watch.Choice()
	why = strings.Replace(why, c.Watch.Dir+" is ", "it is ", 1) // it is named before
	a := &agent{
		out: out, watch: watch, started: time.Now(),
		watching: fmt.Sprintf("watches %s by %s: %s", c.Watch.Dir, mode, why),
		notify:   notify.New(notifyOptions(c), out.Complain),
	}
	a.engine = m.Engine
	a.degraded.Store(&map[string]string{})
	a.leftOut.Store(&c.LeftOut)
	a.obstacles.Store(&[]string{})
	a.away.Store(&[]string{})
	a.setBases(containers)
	a.deployer = deployer.New(deployer.Options{
		Services: deployServices(c, containers), Publish: a.publish(c), External: external,
		KeepLogs: int64(c.Logs.Keep), KeepGenerations: c.Logs.Generations, KeepSets: c.Watch.Keep,
		Standby: c.LXC.Standby, KeepFailed: c.LXC.KeepFailed, Reserve: int64(c.LXC.Reserve), Available: available(c),
		Scratch: folders.Scratch(c), SharedLimit: int64(c.LXC.SharedLimit),
		Together: c.Watch.Together, VIPs: c.LXC.Names == config.NamesVIP,
		Engine: m.Engine, Router: m.Router, Pool: m.Pool, Holder: m.Relays, History: book, Sets: sets{folders.Sets(c), watch},
		Beat: func() { supervisor(daemon.SdNotifyWatchdog) },
		Hook: a.hook, Look: a.look, Tell: a.tell, Output: a.line, Published: func() { a.page.Published() },
	})
	return a
}

// available gives what memory there is for containers; nil is this machine's. The members
// of a cluster are asked for theirs when a container is placed.
func available(c *config.Config) func() (int64, error) {
	if !c.Incus() {
		return nil
	}
	return func() (int64, error) { return 0, errors.ErrUnsupported }
}
