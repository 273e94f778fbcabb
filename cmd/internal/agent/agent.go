// Package agent is what jarloop run does: it hands what the watcher sees to the
// deployer, shows and tells what becomes of it, answers the other verbs, and
// takes up what is written into the configuration meanwhile.
//
//	watcher ──seen──▶ deployer ──tell──▶ console, notify
//	                     ▲
//	control ──requests───┤
//	config  ──reload─────┘
package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
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
	"github.com/jarloop/jarloop/cmd/internal/page"
	"github.com/jarloop/jarloop/cmd/internal/render"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/network"
	"github.com/jarloop/jarloop/watcher"
)

// agent joins the parts.
type agent struct {
	out      *console.Console
	watch    *watcher.Watcher
	deployer *deployer.Deployer
	engine   deployer.Engine
	notify   *notify.Notifier
	started  time.Time
	watching string
	external *externals
	firewall *firewall
	page     *page.Server

	// ports are those published, and obstacles the rules of others that are in the way.
	ports     atomic.Pointer[[]deployer.Publish]
	obstacles atomic.Pointer[[]string]

	// degraded says by service, "" for all, why changes may be missed. A map is
	// never changed once it is stored; the watcher's goroutine alone stores.
	degraded atomic.Pointer[map[string]string]
	// bases are the containers that clones are made of.
	bases atomic.Pointer[[]string]
	// leftOut are the services that it does not run, though they are configured.
	leftOut atomic.Pointer[[]string]
}

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
	if err := a.openPage(c); err != nil {
		return err
	}
	socket, err := control.Listen(folders.Socket(c))
	if err != nil {
		return err
	}
	defer socket.Close()

	out.Say("version " + self.Version() + ", " + a.watching)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return control.Serve(ctx, socket, a, out.Complain) })
	group.Go(func() error { a.notify.Run(ctx); return nil })
	group.Go(func() error { a.page.Run(ctx); return nil })
	group.Go(func() error {
		// Artefacts are looked for when it is known what is live.
		return a.deployer.Run(ctx, func() {
			supervisor(daemon.SdNotifyReady)
			a.tellUnready(c, &config.Config{})
			group.Go(func() error { out.KeepTitle(ctx, func() string { return render.Title(a.Status()) }); return nil })
			group.Go(func() error { return a.watch.Run(ctx, a.seen) })
			group.Go(func() error { a.external.follow(ctx); return nil })
			group.Go(func() error { a.firewall.watch(ctx); return nil })
			group.Go(func() error {
				r := &reloader{agent: a, now: c}
				config.Follow(ctx, from, r.changed)
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
	a.setBases(containers)
	a.deployer = deployer.New(deployer.Options{
		Services: deployServices(c, containers), Publish: a.publish(c), External: external,
		KeepLogs: int64(c.Logs.Keep), KeepGenerations: c.Logs.Generations, KeepSets: c.Watch.Keep,
		Standby: c.LXC.Standby, KeepFailed: c.LXC.KeepFailed, Reserve: int64(c.LXC.Reserve),
		Scratch: folders.Scratch(c), SharedLimit: int64(c.LXC.SharedLimit),
		Together: c.Watch.Together, VIPs: c.LXC.Names == config.NamesVIP,
		Engine: m.Engine, Router: m.Router, Pool: m.Pool, Holder: m.Relays, History: book, Sets: sets{folders.Sets(c), watch},
		Beat: func() { supervisor(daemon.SdNotifyWatchdog) },
		Hook: a.hook, Look: a.look, Tell: a.tell, Output: a.line, Published: func() { a.page.Published() },
	})
	return a
}

// publish gives the ports that are published from now on.
func (a *agent) publish(c *config.Config) []deployer.Publish {
	all := c.Ports(network.DefaultInterface())
	a.ports.Store(&all)
	return all
}

// setBases says what clones are made of from now on: the containers of bases, by
// name.
func (a *agent) setBases(containers map[string]string) {
	all := slices.Compact(slices.Sorted(maps.Values(containers)))
	a.bases.Store(&all)
}

// supervisor tells systemd, where that started the agent. An agent whose routes
// are no longer looked after is killed and started again; its containers go on.
func supervisor(state string) {
	_, _ = daemon.SdNotify(false, state) // it ends what it does not hear of
}

// sets are the artefact sets that the watcher keeps.
type sets struct {
	dir   string
	watch *watcher.Watcher
}

func (s sets) Load(service, id string) (watcher.Set, error) { return watcher.Load(s.dir, service, id) }

func (s sets) Prune(service string, keep map[string]bool) error { return s.watch.Prune(service, keep) }
