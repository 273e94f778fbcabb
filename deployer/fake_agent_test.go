package deployer_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// agent is a deployer that runs on a world, in a bubble.
type agent struct {
	*deployer.Deployer
	*door
	t        *testing.T
	stop     func() error       // ends it, and waits for that
	services []deployer.Service // as reconfigured last
	ready    bool               // it has taken stock

	told   sync.Mutex
	events []deployer.Event
	lines  []deployer.Line
}

// service is one that needs nothing and may take its time.
func service(name string, port uint16, needs ...string) deployer.Service {
	return deployer.Service{
		Name: name, Base: "base", Target: "/" + name, Port: port, Needs: needs,
		Health: deployer.Health{TryTimeout: 2 * time.Second, Timeout: time.Minute}, Drain: time.Minute, StopTimeout: 10 * time.Second,
	}
}

// abc are three services that need nothing of each other.
func abc(o *deployer.Options) {
	o.Services = []deployer.Service{service("a", 8081), service("b", 8082), service("c", 8083)}
}

// webAndPerson are web, which needs person and reads its name once, and person.
func webAndPerson(o *deployer.Options) {
	web := service("web", 8080, "person")
	web.ReloadCommand = "reload"
	o.Services = []deployer.Service{service("person", 8085), web}
	for i := range o.Services {
		o.Services[i].Drain = time.Second
	}
}

// start starts an agent and waits until it has done all that needs no time.
func (w *world) start(t *testing.T, changes ...func(*deployer.Options)) *agent {
	return w.startAt(t, w.door(), changes...)
}

// startAt is start of an agent that sees the machine by that door.
func (w *world) startAt(t *testing.T, d *door, changes ...func(*deployer.Options)) *agent {
	a := &agent{door: d, t: t}
	o := deployer.Options{
		KeepLogs: 1 << 20, KeepGenerations: 5, KeepSets: 5, KeepFailed: true,
		Engine: engine{d}, Router: router{d}, Pool: pool{d}, Holder: holder{d}, History: memory{d}, Sets: memory{d},
		Available: func() (int64, error) { return 1 << 40, nil },
		Tell:      a.hear, Look: a.look,
		Output: func(l deployer.Line) {
			a.told.Lock()
			defer a.told.Unlock()
			a.lines = append(a.lines, l)
		},
	}
	for _, change := range changes {
		change(&o)
	}
	a.Deployer = deployer.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() { a.ready = true }) }()
	a.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := a.stop(); err != nil && !errors.Is(err, context.Canceled) && !a.isDead() {
			t.Errorf("the agent ended with %v", err)
		}
	})
	synctest.Wait()
	return a
}

// after stops the agent, and starts another one.
func (a *agent) next(changes ...func(*deployer.Options)) *agent {
	a.t.Helper()
	_ = a.stop()
	return a.start(a.t, changes...)
}

// running starts an agent, and has each of its services live, with the set NAME-1.
func running(t *testing.T, changes ...func(*deployer.Options)) *agent {
	t.Helper()
	a := newWorld().start(t, changes...)
	for _, name := range a.Names() {
		a.put(set(name, name+"-1"))
	}
	for _, name := range a.Names() {
		if s := a.status(name); s.Set != name+"-1" || s.State != "live" {
			t.Fatalf("not live at the beginning: %+v\n%s", s, a.world)
		}
	}
	return a
}

func (a *agent) hear(e deployer.Event) {
	a.told.Lock()
	defer a.told.Unlock()
	a.events = append(a.events, e)
}

// look has the newest set of a service seen, as the watcher does.
func (a *agent) look(service string) {
	a.mu.Lock()
	set, found := a.newest[service]
	a.mu.Unlock()
	if found {
		a.Artefacts(set)
	}
}

// put makes a set the newest of its service, and waits until all has been done
// that needs no time.
func (a *agent) put(s watcher.Set) {
	a.see(s)
	synctest.Wait()
}

// see makes a set the newest of its service.
func (a *agent) see(s watcher.Set) {
	s.Seen = time.Now()
	a.mu.Lock()
	a.newest[s.Service], a.sets[s.Service+"/"+s.ID] = s, s
	a.mu.Unlock()
	a.Artefacts(s)
}

// ask has the newest artefacts of a service deployed, and waits for that.
func (a *agent) ask(service string) deployer.Result {
	a.t.Helper()
	return a.result(a.Deploy(service))
}

func (a *agent) result(done <-chan deployer.Result) deployer.Result {
	a.t.Helper()
	select {
	case res := <-done:
		return res
	case <-time.After(10 * time.Minute):
		a.t.Fatalf("there is no answer\n%s", a.world)
	}
	return deployer.Result{}
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// eventually waits until something is so.
func (a *agent) eventually(what string, so func() bool) {
	a.t.Helper()
	for deadline := time.Now().Add(10 * time.Minute); ; pass(50 * time.Millisecond) {
		synctest.Wait()
		if so() {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("not within 10 minutes: %s\n%s\n%+v\n%+v", what, a.world, a.Status(), a.heard())
		}
	}
}

func (a *agent) heard() []deployer.Event {
	a.told.Lock()
	defer a.told.Unlock()
	return slices.Clone(a.events)
}

// of gives the events of a kind of a service.
func (a *agent) of(kind deployer.Kind, service string) []deployer.Event {
	return slices.DeleteFunc(a.heard(), func(e deployer.Event) bool { return e.Kind != kind || e.Service != service })
}

// lastOf gives the newest event of a kind of a service.
func (a *agent) lastOf(kind deployer.Kind, service string) deployer.Event {
	a.t.Helper()
	all := a.of(kind, service)
	if len(all) == 0 {
		a.t.Fatalf("nothing was told of %s of %s: %+v", kind, service, a.heard())
	}
	return all[len(all)-1]
}

// warned gives the services of the warnings so far.
func (a *agent) warned() (services []string) {
	for _, e := range a.heard() {
		if e.Kind == deployer.Warning {
			services = append(services, e.Service)
		}
	}
	return services
}

func (a *agent) status(service string) deployer.Status {
	for _, s := range a.Status() {
		if s.Service == service {
			return s
		}
	}
	return deployer.Status{}
}

// live gives the generation that is live of a service, by its status.
func (a *agent) live(service string) string { return a.status(service).Generation }

// isLive checks that a generation serves with a set, and that ports lead there.
func (a *agent) isLive(service, generation, set string) {
	a.t.Helper()
	if s := a.status(service); s.Generation != generation || s.Set != set {
		a.t.Errorf("%s with %s is live, not %s with %s: %+v", s.Generation, s.Set, generation, set, s)
	}
	a.serves(service, generation)
}

// there gives the instances of a service that there are.
func (w *world) there(service string) (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.instances {
		if of, _ := split(name); of == service {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// gone says whether there is no instance of that name.
func (w *world) gone(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.instances[name] == nil
}

// of gives an instance as it is, or the zero one.
func (w *world) instance(name string) instance {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.instances[name]; i != nil {
		return *i
	}
	return instance{}
}

// portOf gives where the ports of a service lead to.
func (w *world) portOf(service string) netip.AddrPort {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ports.Targets[service]
}

// only checks that there are those instances of a service, and no other.
func (w *world) only(t *testing.T, service string, want ...string) {
	t.Helper()
	if got := w.there(service); !slices.Equal(got, want) {
		t.Errorf("of %s there are %v, want %v\n%s", service, got, want, w)
	}
}
