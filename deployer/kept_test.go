package deployer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// checkAsBefore checks that the world is as it was, but for a generation of
// person that is kept because its deploy failed, which it gives: its container
// runs with its address, but nothing runs in it, and nothing leads there.
func checkAsBefore(t *testing.T, w *world, d *Deployer, before string) (kept *Generation) {
	t.Helper()
	name := ""
	if kept = d.kept.of("person"); kept != nil {
		name = kept.Name()
		c := w.containers[name]
		if r, err := readRecord(w.Folder(name)); err != nil || r.Phase != Kept || c == nil || !c.running || c.unit {
			t.Fatalf("%s is kept: %+v, %v\n%s", name, r, err, w)
		}
		if _, wired := d.wiring.running[kept]; wired || w.leases[name] != kept.Address || kept.root != nil || kept.finished != nil {
			t.Errorf("%s is kept, and wired: %t, root %v\n%s", name, wired, kept.root, w)
		}
	}
	if after := withoutRewires(w.without(name)); after != withoutRewires(before) {
		t.Errorf("kept is %q; before:\n%s\nafter:\n%s", name, before, w)
	}
	return kept
}

// newestReports gives the reports folder of the newest generation of a service.
func (r *running) newestReports(service string) string {
	r.t.Helper()
	folders, err := os.ReadDir(filepath.Join(r.Logs, service))
	if err != nil {
		r.t.Fatal(err)
	}
	newest := 0
	for _, folder := range folders {
		if n, err := strconv.Atoi(folder.Name()); err == nil {
			newest = max(newest, n)
		}
	}
	return filepath.Join(r.Logs, service, strconv.Itoa(newest), reportsFolder)
}

// fails makes a deploy of a service fail by the end of its process.
func (r *running) fails(service, id string) {
	r.t.Helper()
	r.makeSick(service, true)
	result := r.put(service, id)
	r.proving(service)
	r.exit(r.newestReports(service))
	if res := <-result; res.Err == nil {
		r.t.Fatalf("%s is live", res.Generation)
	}
	r.makeSick(service, false)
}

// checkKept checks that those generations of the service are kept, in which
// nothing runs and to which nothing leads, and that there is none beside them
// but what is live.
func (r *running) checkKept(service string, want ...string) {
	r.t.Helper()
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	var kept []string
	for name, c := range r.w.containers {
		s, _, _ := parseName(name)
		if s != service {
			continue
		}
		record, err := readRecord(r.w.Folder(name))
		switch {
		case err != nil:
			r.t.Errorf("%s: %v", name, err)
		case record.Phase == Kept:
			kept = append(kept, name)
			if !c.running || c.unit || r.w.leases[name] != record.Address || r.w.ports[service].Addr() == record.Address {
				r.t.Errorf("%s is kept: running %t, its service %t, at %s of %v, %v", name, c.running, c.unit, record.Address, r.w.leases, r.w.ports)
			}
		case record.Phase != Live:
			r.t.Errorf("%s is %s", name, record.Phase)
		}
	}
	slices.Sort(kept)
	if !slices.Equal(kept, want) {
		r.t.Errorf("of %s are kept %v, want %v", service, kept, want)
	}
}

func (r *running) statusOf(service string) Status {
	for _, s := range r.Status() {
		if s.Service == service {
			return s
		}
	}
	return Status{}
}

func TestWhatHasFailedIsKeptUntilTheNextDeployHasEnded(t *testing.T) {
	r := newRunning(t, nil)
	r.fails("a", "a-2")
	r.checkKept("a", "a-2")
	if s := r.statusOf("a"); s.Failed != "a-2" || s.State != "failed" || s.Generation != "a-1" {
		t.Errorf("status: %+v", s)
	}
	r.mu.Lock()
	if e := r.events[len(r.events)-1]; e.Kind != Failed || !e.Kept || e.Generation != "a-2" {
		t.Errorf("the event: %+v", e)
	}
	r.mu.Unlock()

	// It does not go while the next one is under way, or when that is given up.
	r.makeSick("a", true)
	given := r.put("a", "a-3")
	r.proving("a")
	if s := r.statusOf("a"); s.Failed != "a-2" {
		t.Errorf("status: %+v", s)
	}
	next := r.put("a", "a-4")
	<-given
	r.proving("a")
	if s := r.statusOf("a"); s.Failed != "a-2" || !r.gone("a-3") {
		t.Errorf("status: %+v", s)
	}

	// The next failure takes its place.
	r.exit(r.newestReports("a"))
	if res := <-next; res.Err == nil {
		t.Fatal("it did not fail")
	}
	r.checkKept("a", "a-4")
	if !r.gone("a-2") {
		t.Error("two are kept")
	}

	// And a deploy that goes well leaves none.
	r.makeSick("a", false)
	if res := <-r.put("a", "a-5"); res.Err != nil {
		t.Fatal(res.Err)
	}
	r.eventually("none is kept", func() bool { return r.gone("a-4") })
	if s := r.statusOf("a"); s.Failed != "" {
		t.Errorf("status: %+v", s)
	}
}

func TestWhatIsKeptGoes(t *testing.T) {
	for name, when := range map[string]func(*running){
		"when the newest artefacts are what is live": func(r *running) {
			if res := <-r.put("a", "a-1"); res.Err != nil || res.Plan.Deploy {
				r.t.Errorf("%+v", res)
			}
		},
		"with its service": func(r *running) {
			r.reconfigured(func(all []Service) []Service { return slices.Delete(all, 0, 1) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunning(t, nil)
			r.fails("a", "a-2")
			r.fails("b", "b-2")
			when(r)
			r.eventually("it is gone", func() bool { return r.gone("a-2") })
			r.checkKept("b", "b-2") // which has nothing to do with it
		})
	}
}

func TestWhatIsKeptGoesFirstWhileMemoryIsShort(t *testing.T) {
	r, free := newSparing(t)
	r.fails("b", "b-2")
	r.fails("a", "a-2")
	r.eventually("each has a standby", func() bool {
		return !slices.ContainsFunc(r.Status(), func(s Status) bool { return s.Standby == "" })
	})
	free.Store(reserve - 1)
	r.eventually("nothing waits", func() bool {
		r.keepReserve(t.Context()) // as it is now and then
		return !slices.ContainsFunc(r.Status(), func(s Status) bool { return s.Standby != "" || s.Failed != "" })
	})
	if got := r.warned(); len(got) != 5 || got[0] != "b" || got[1] != "a" {
		t.Errorf("given up in the order %q, want first what failed, the older one before", got)
	}
}

// What is kept must not stand in the way of what lacks room.
func TestNothingIsKeptWhereADiskIsFull(t *testing.T) {
	r := newRunning(t, nil)
	r.fails("a", "a-2")
	r.w.failWith("copy", fmt.Errorf("copy: %w", unix.ENOSPC))
	if res := <-r.put("a", "a-3"); !errors.Is(res.Err, unix.ENOSPC) {
		t.Fatalf("%v", res.Err)
	}
	r.eventually("none is kept", func() bool { return r.gone("a-2") })
	r.checkKept("a")
}

func TestNothingIsKeptThatNobodyWants(t *testing.T) {
	r := newRunning(t, func(o *Options) { o.KeepFailed = false })
	r.fails("a", "a-2")
	r.checkKept("a")
}

// One whose service does not end is removed, as if nobody wanted it.
func TestWhatDoesNotEndItsServiceIsNotKept(t *testing.T) {
	w, d := newSystem(t)
	before := w.String()
	d.Probe = func(context.Context, string, string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fail[w.calls+2] = true // after it is asked which init that is
		report := filepath.Join(d.Logs, "person", "2", reportsFolder, "exit")
		if err := os.WriteFile(report, []byte("exit-code exited 1\n"), 0o644); err != nil {
			t.Error(err)
		}
		return errors.New("connection refused")
	}
	if _, err := put(t.Context(), d, newSet(t, "person", "person-set-2")); err == nil {
		t.Fatal("it did not fail")
	}
	for call := range w.fail {
		if w.log[call-1] != "kill" {
			t.Fatalf("what failed was the call %q", w.log[call-1])
		}
	}
	if kept := checkAsBefore(t, w, d, before); kept != nil {
		t.Errorf("%s is kept", kept.Name())
	}
}
