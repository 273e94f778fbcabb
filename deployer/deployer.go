package deployer

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jarloop/jarloop/watcher"
)

// Options are what a Deployer works with.
type Options struct {
	Services []Service
	// Logs is the folder for what services print: <Logs>/<service>/<number>/.
	Logs string
	// KeepLogs is how many bytes of output are kept of a generation, and
	// KeepGenerations of how many generations beside the existing ones.
	KeepLogs        int64
	KeepGenerations int
	// Stable says that the name of a service leads to an address of its own
	// for ever, and that to what is live; else it leads to what is live.
	Stable bool
	// Standby says to keep the next generation of each service booted.
	Standby bool
	// KeepFailed says to keep the container of the newest deploy of each service
	// that has failed, without its service, so that one can look into it.
	KeepFailed bool
	// Together says to switch the services that one build has touched as one,
	// when each of them is proven, or none of them.
	Together bool
	// Reserve is how many bytes of memory standbys, and what is kept of failed
	// deploys, leave available.
	Reserve int64
	// Available gives the memory, in bytes, that can be had without swapping;
	// nil is the kernel's own word.
	Available func() (int64, error)

	Machine Machine
	Network Network
	// Probe asks once whether what listens at address is well; nil is by a
	// connection, and an HTTP request where there is a path.
	Probe func(ctx context.Context, address, path string) error
	// Hook runs a command for a deploy, until it has ended or its time is over.
	// It is not called where no service has such a command.
	Hook func(ctx context.Context, h Hook) error
	// Lost is called when the container of what was live of a service is gone by
	// somebody's hand: its newest artefacts are to be handed to Deploy again.
	Lost func(service string)
	// Tell receives what happens, in order, and must not block for long.
	Tell func(Event)
	// Beat is called every few seconds while the wiring is being kept true.
	Beat func()
	// Output receives each line that a service prints, while it is followed.
	Output func(Line)
}

// Deployer owns every generation that there is.
type Deployer struct {
	Options
	wiring  *wiring
	garbage garbage
	kept    kept
	notices *notices
	calm    calm
	build   *build
	changes chan change // other services, for Run

	// shape guards what services there are; Services of Options is part of it.
	shape sync.RWMutex
	lanes map[string]*lane
	// shaping is held while services come and go.
	shaping sync.Mutex

	requests atomic.Int64 // how many there were
	unmended string       // why the wiring is not right, as last told; of Run alone

	mu      sync.Mutex
	numbers map[string]int // the newest number of each service
}

// New makes a Deployer. Nothing is touched before Run.
func New(o Options) *Deployer {
	if o.Probe == nil {
		o.Probe = probe
	}
	if o.Available == nil {
		o.Available = available
	}
	d := &Deployer{Options: o, lanes: map[string]*lane{}, numbers: map[string]int{}, build: newBuild(o.Together), notices: newNotices(), changes: make(chan change)}
	services := map[string]Service{}
	for _, s := range o.Services {
		services[s.Name] = s
		d.lanes[s.Name] = newLane(d, s)
	}
	d.wiring = newWiring(o.Machine, o.Network, services, d.alive)
	return d
}

// repairEvery is how often names and ports are compared with what they should
// be, and what could not be removed is tried again.
const repairEvery = 4 * time.Second

// Run first makes sense of what an earlier agent left: it adopts what is live
// and undoes or finishes the rest. Then it deploys what Deploy brings and
// keeps the wiring true, until ctx ends. It returns when running deploys are
// undone. What is live stays live. ready is called when the first part is
// over.
func (d *Deployer) Run(ctx context.Context, ready func()) error {
	d.notices.start(ctx)
	if err := d.recover(ctx); err != nil {
		return fmt.Errorf("take stock of what is there: %w", err)
	}
	ready()
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range d.all() {
		l.launch(ctx, group)
	}
	group.Go(func() error { d.reshape(ctx, group); return nil })
	group.Go(func() error {
		for pause(ctx, repairEvery) == nil {
			d.tidy(ctx)
			d.keepReserve(ctx)
			d.feed()
			if d.Beat != nil {
				d.Beat()
			}
		}
		return nil
	})
	return group.Wait()
}

// tidy puts right what leads to what, and then removes what could not be removed
// before.
func (d *Deployer) tidy(ctx context.Context) {
	mended, err := d.wiring.repair(ctx)
	if len(mended) > 0 {
		d.tell(Event{Kind: Mended, Reason: fmt.Sprint("put back what somebody changed: ", mended)})
	}
	if ctx.Err() != nil {
		return
	}
	d.tellAstray(err)
	d.sweep(ctx)
}

// tellAstray tells why the wiring could not be put right, when that is news. With
// nil it could, and the next reason is.
func (d *Deployer) tellAstray(err error) {
	reason := ""
	if err != nil {
		reasons := strings.Split(err.Error(), "\n") // of several, in any order
		slices.Sort(reasons)
		reason = strings.Join(reasons, "\n")
	}
	if reason != "" && reason != d.unmended {
		d.warn("", "wiring not put right, which is tried again", err)
	}
	d.unmended = reason
}

// Deploy hands a set to its service's lane. The newest set wins: one that
// waits there is dropped, and one that is being deployed is undone unless it
// has come to its switch. With force even what is live already is deployed.
// The channel receives one Result.
func (d *Deployer) Deploy(set watcher.Set, force bool) <-chan Result {
	done := make(chan Result, 1)
	r := request{set: set, force: force, done: done, number: d.requests.Add(1)}
	if !force {
		r.seen = set.Seen
	}
	d.put(r)
	return done
}

// put hands a request to its lane, and with it those that an earlier build
// has held back.
func (d *Deployer) put(r request) {
	d.shape.RLock()
	defer d.shape.RUnlock()
	d.putLocked(r)
}

func (d *Deployer) putLocked(r request) {
	l := d.lanes[r.set.Service]
	if l == nil {
		r.done <- Result{Service: r.set.Service, Set: r.set.ID, Err: fmt.Errorf("no service %q in the configuration", r.set.Service)}
		return
	}
	d.build.begin(r.set.Service)
	for _, held := range d.build.release(r.set.Service) {
		held.done = make(chan Result, 1) // who waited for it has been answered
		held.seen = time.Time{}
		d.putLocked(held)
	}
	l.put(r)
}

// lane gives the lane of a service, or nil.
func (d *Deployer) lane(service string) *lane {
	d.shape.RLock()
	defer d.shape.RUnlock()
	return d.lanes[service]
}

// all gives every lane, in the order of Options.Services.
func (d *Deployer) all() []*lane {
	d.shape.RLock()
	defer d.shape.RUnlock()
	var all []*lane
	for _, s := range d.Services {
		all = append(all, d.lanes[s.Name])
	}
	return all
}

// Names gives the names of all services, in the order of Options.Services.
func (d *Deployer) Names() []string {
	var names []string
	for _, l := range d.all() {
		names = append(names, l.s.Name)
	}
	return names
}

// Changing says that files of a service have changed and are being awaited; a
// call of Settled follows. With Together, the services whose artefacts have
// come already wait for it.
func (d *Deployer) Changing(service string) {
	if d.lane(service) != nil {
		d.build.begin(service)
	}
}

// Settled says that the files are not awaited any more: the set has been
// handed to Deploy, or there is none to deploy, or they were refused, which
// is a failure of the whole build.
func (d *Deployer) Settled(service string, refused error) {
	if d.lane(service) != nil {
		d.build.end(service, refused)
	}
}

// Withhold says that the newest artefacts of a service are not to be deployed,
// and why; an empty state says that none are withheld. It changes what Status
// tells, until a set comes.
func (d *Deployer) Withhold(service string, n Newest) {
	if l := d.lane(service); l != nil {
		l.withhold(n)
	}
}

// nextNumber gives a number higher than any generation of the service has or
// had: of those whose containers are there, whoever made them, and of those
// whose output is still kept.
func (d *Deployer) nextNumber(service string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	newest := d.numbers[service]
	folders, _ := filepath.Glob(d.Machine.Folder(service + "-*")) // the pattern is well-formed
	for _, folder := range folders {
		if s, n, ok := parseName(filepath.Base(folder)); ok && s == service {
			newest = max(newest, n)
		}
	}
	outputs, _ := filepath.Glob(filepath.Join(d.Logs, service, "*"))
	for _, folder := range outputs {
		if n, err := strconv.Atoi(filepath.Base(folder)); err == nil {
			newest = max(newest, n)
		}
	}
	d.numbers[service] = newest + 1
	return newest + 1
}

// reportsOf is the folder that the generation sees as guest.Reports. Beside it,
// out of its reach, is room for what else is kept of what it printed.
func (d *Deployer) reportsOf(g *Generation) string {
	return filepath.Join(d.Logs, g.Service, strconv.Itoa(g.Number), reportsFolder)
}
