package deployer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// running is a deployer that runs on a fake machine.
type running struct {
	*Deployer
	t *testing.T
	w *world

	mu     sync.Mutex
	events []Event
	// sick are the services whose candidates are not healthy.
	sick map[string]bool
}

// newRunning starts a deployer with three services of which each is live,
// none needing another.
func newRunning(t *testing.T, change func(*Options)) *running {
	r := &running{t: t, w: newWorld(t), sick: map[string]bool{}}
	o := Options{
		Logs: r.w.logs, KeepLogs: 1 << 20, KeepGenerations: 5, KeepFailed: true,
		Machine: r.w, Network: r.w, Probe: r.probe, Tell: r.heard,
	}
	for i, name := range []string{"a", "b", "c"} {
		o.Services = append(o.Services, Service{
			Name: name, Base: "base", Target: "/" + name, Port: uint16(8081 + i), HealthTimeout: time.Minute, Drain: time.Minute,
		})
	}
	if change != nil {
		change(&o)
	}
	r.Deployer = New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended, ready := make(chan error), make(chan struct{})
	go func() { ended <- r.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	<-ready
	for _, name := range []string{"a", "b", "c"} {
		if res := <-r.Deploy(newSet(t, name, name+"-1"), false); res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	return r
}

func (r *running) heard(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *running) probe(ctx context.Context, address, path string) error {
	port, err := strconv.Atoi(address[strings.LastIndex(address, ":")+1:])
	if err != nil {
		return err
	}
	r.mu.Lock()
	sick := r.sick[string(rune('a'+port-8081))]
	r.mu.Unlock()
	if sick {
		return errors.New("503")
	}
	return r.w.probe(ctx, address, path)
}

func (r *running) makeSick(service string, sick bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sick[service] = sick
}

func (r *running) put(service, id string) <-chan Result {
	r.t.Helper()
	return r.Deploy(newSet(r.t, service, id), false)
}

// live gives the set that is live of a service.
func (r *running) live(service string) string {
	if g := r.wiring.current(service); g != nil {
		return g.Set
	}
	return ""
}

func (r *running) eventually(what string, so func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !so() {
		if time.Now().After(deadline) {
			r.t.Fatalf("not within 20 s: %s\n%s\n%v", what, r.w, r.events)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// told says whether an event of that kind was heard of a service.
func (r *running) told(kind Kind, service string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == kind && e.Service == service {
			return true
		}
	}
	return false
}

// proving waits until a candidate of the service runs.
func (r *running) proving(service string) {
	r.t.Helper()
	r.eventually("a candidate of "+service, func() bool {
		folders, _ := filepath.Glob(r.w.Folder(service + "-*"))
		for _, folder := range folders {
			if record, err := readRecord(folder); err == nil && record.Phase == Candidate {
				return true
			}
		}
		return false
	})
}

func (r *running) die(g *Generation) {
	r.t.Helper()
	r.exit(g.reports)
}

// exit reports that a service has ended with status 1.
func (r *running) exit(reports string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(reports, "exit"), []byte("exit-code exited 1\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func TestTheNewestArtefactsWin(t *testing.T) {
	r := newRunning(t, nil)
	r.makeSick("a", true)
	first := r.put("a", "a-2")
	r.proving("a")
	second := r.put("a", "a-3")
	if res := <-first; !errors.Is(res.Err, errNewer) {
		t.Errorf("the older deploy ended with %v", res.Err)
	}
	if !r.gone("a-2") {
		t.Error("what was given up is kept")
	}
	r.makeSick("a", false)
	if res := <-second; res.Err != nil || r.live("a") != "a-3" {
		t.Errorf("live is %s, %v", r.live("a"), res.Err)
	}
	if res := <-r.put("a", "a-3"); res.Plan.Deploy || res.Err != nil {
		t.Errorf("the same artefacts once more: %+v", res)
	}
}

func TestAServiceThatDiesGivesWayToTheOneBefore(t *testing.T) {
	r := newRunning(t, nil)
	if res := <-r.put("a", "a-2"); res.Err != nil {
		t.Fatal(res.Err)
	}
	r.die(r.wiring.current("a"))
	r.eventually("a-1 is live again", func() bool { return r.live("a") == "a-1" && r.told(Back, "a") })
	status := r.Status()[0]
	if status.State != string(Broken) || status.Newest.Set != "a-2" || status.Generation != "a-1" {
		t.Errorf("status: %+v", status)
	}
	r.eventually("the dead one is kept", func() bool { return r.Status()[0].Failed == "a-2" })
	r.checkKept("a", "a-2")
}

func TestAServiceThatDiesAloneIsStartedAgain(t *testing.T) {
	r := newRunning(t, nil)
	g := r.wiring.current("a")
	r.die(g)
	r.eventually("it was started again", func() bool { return r.told(Restarted, "a") && r.alive(g) == nil })
	if s := r.Status()[0]; s.Restarts != 1 || s.Memory != g.init.Load()*1000 {
		t.Errorf("%d restarts and %d bytes", s.Restarts, s.Memory)
	}
	if r.live("a") != "a-1" {
		t.Errorf("live is %s", r.live("a"))
	}
}

func TestAStandbyIsUsedAndMadeAgain(t *testing.T) {
	r := newRunning(t, func(o *Options) { o.Standby = true })
	ready := func() bool {
		for _, s := range r.Status() {
			if s.Standby == "" {
				return false
			}
		}
		return true
	}
	r.eventually("standbys", ready)
	standby := r.Status()[0].Standby
	clones := strings.Count(strings.Join(r.w.calledNames(), " "), "clone")
	res := <-r.put("a", "a-2")
	if res.Err != nil || res.Generation != standby {
		t.Errorf("%s is live, not the standby %s; %v", res.Generation, standby, res.Err)
	}
	r.eventually("the next standby", ready)
	if now := strings.Count(strings.Join(r.w.calledNames(), " "), "clone"); now != clones+1 {
		t.Errorf("%d clones for one deploy", now-clones)
	}
}

func TestADeadStandbyIsNotUsed(t *testing.T) {
	r := newRunning(t, func(o *Options) { o.Standby = true })
	r.eventually("a standby", func() bool { return r.Status()[0].Standby != "" })
	dead := r.Status()[0].Standby
	r.die(r.lanes["a"].standby)
	res := <-r.put("a", "a-2")
	if res.Err != nil || res.Generation == dead {
		t.Errorf("%s is live, %v", res.Generation, res.Err)
	}
}

func TestABuildIsSwitchedTogether(t *testing.T) {
	together := func(o *Options) { o.Together = true }
	t.Run("nobody before the last is proven", func(t *testing.T) {
		r := newRunning(t, together)
		r.makeSick("b", true)
		a, b := r.put("a", "a-2"), r.put("b", "b-2")
		r.proving("b")
		r.eventually("a waits", func() bool { r.build.mu.Lock(); defer r.build.mu.Unlock(); return r.build.arrived["a"] != nil })
		if r.live("a") != "a-1" {
			t.Errorf("a is %s before b is proven", r.live("a"))
		}
		r.makeSick("b", false)
		if ra, rb := <-a, <-b; ra.Err != nil || rb.Err != nil || r.live("a") != "a-2" || r.live("b") != "b-2" {
			t.Errorf("live are %s and %s; %v, %v", r.live("a"), r.live("b"), ra.Err, rb.Err)
		}
	})
	t.Run("a change that is still being written is waited for", func(t *testing.T) {
		r := newRunning(t, together)
		r.Changing("b")
		a := r.put("a", "a-2")
		r.eventually("a waits", func() bool { r.build.mu.Lock(); defer r.build.mu.Unlock(); return r.build.arrived["a"] != nil })
		b := r.put("b", "b-2")
		r.Settled("b", nil)
		if ra, rb := <-a, <-b; ra.Err != nil || rb.Err != nil {
			t.Errorf("%v, %v", ra.Err, rb.Err)
		}
	})
	t.Run("all or none, and those held back go with what mends the build", func(t *testing.T) {
		r := newRunning(t, together)
		r.makeSick("b", true)
		a, b := r.put("a", "a-2"), r.put("b", "b-2")
		r.proving("b")
		r.exit(r.newestReports("b"))
		var held *heldBackError
		if ra, rb := <-a, <-b; !errors.As(ra.Err, &held) || held.By != "b" || rb.Err == nil {
			t.Errorf("a ended with %v, b with %v", ra.Err, rb.Err)
		}
		if r.live("a") != "a-1" || r.live("b") != "b-1" {
			t.Errorf("live are %s and %s", r.live("a"), r.live("b"))
		}
		// What was held back was well: there is nothing to look for in it.
		r.checkKept("a")
		r.checkKept("b", "b-2")
		r.makeSick("b", false)
		if res := <-r.put("b", "b-3"); res.Err != nil {
			t.Error(res.Err)
		}
		r.eventually("a goes with it", func() bool { return r.live("a") == "a-2" && r.live("b") == "b-3" })
	})
	t.Run("a refused JAR is a failure of its build", func(t *testing.T) {
		r := newRunning(t, together)
		r.Changing("b")
		a := r.put("a", "a-2")
		r.Settled("b", errors.New("refused: it is no JAR"))
		if res := <-a; res.Err == nil || r.live("a") != "a-1" {
			t.Errorf("live is %s, %v", r.live("a"), res.Err)
		}
	})
}

// calledNames gives the names of all calls so far.
func (w *world) calledNames() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.log...)
}
