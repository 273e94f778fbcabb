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
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/notify"
	"github.com/jarloop/jarloop/cmd/internal/page"
	"github.com/jarloop/jarloop/deployer"
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
	members  *memberPorts
	page     *page.Server

	// ports are those published, and obstacles the rules of others that are in the way.
	ports     atomic.Pointer[[]deployer.Publish]
	obstacles atomic.Pointer[[]string]
	// away says why nothing can be done in the cluster, if so.
	away atomic.Pointer[[]string]

	// degraded says by service, "" for all, why changes may be missed. A map is
	// never changed once it is stored; the watcher's goroutine alone stores.
	degraded atomic.Pointer[map[string]string]
	// bases are the containers that clones are made of.
	bases atomic.Pointer[[]string]
	// leftOut are the services that it does not run, though they are configured.
	leftOut atomic.Pointer[[]string]
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
