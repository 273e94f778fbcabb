package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func TestAStreamBeginsWithASnapshotAndTellsWhatChanges(t *testing.T) {
	r := newRig(t)
	r.Tell([]byte(`{"level":"info","message":"live","service":"frontend"}` + "\n"))
	l := r.open("/api/events")
	var s struct {
		Agent    About
		Services []Service
		Events   []struct {
			ID      int
			Message string
		}
	}
	if err := json.Unmarshal([]byte(l.next("snapshot").data), &s); err != nil {
		t.Fatal(err)
	}
	if s.Agent.Version != "v1" || len(s.Services) != 2 || s.Services[0].Service != "frontend" || s.Services[1].Service != "db" ||
		s.Services[0].Needs[0] != "db" || s.Services[1].NeededBy[0] != "frontend" {
		t.Errorf("the snapshot is %+v", s)
	}
	if len(s.Events) != 1 || s.Events[0].ID != 1 || s.Events[0].Message != "live" {
		t.Errorf("the events are %+v", s.Events)
	}

	r.set(r.agent.Shown()[0], &deployer.Status{Service: "frontend", State: "deploying", Deploy: &deployer.Progress{Generation: "frontend-2", Step: "prove"}})
	r.Published()
	if e := l.next("service"); !strings.Contains(e.data, `"step":"prove"`) || !strings.Contains(e.data, `"needs":["db"]`) || e.id == "" {
		t.Errorf("what has changed is told as %+v", e)
	}

	// An event comes after the status that goes with it.
	r.set(r.agent.Shown()[0], &deployer.Status{Service: "frontend", State: "live", Generation: "frontend-2"})
	r.Tell([]byte(`{"message":"live","service":"frontend","generation":"frontend-2"}`))
	if e := l.next("service"); !strings.Contains(e.data, `"generation":"frontend-2"`) {
		t.Errorf("the status is told as %+v", e)
	}
	if e := l.next("event"); !strings.Contains(e.data, `"id":2,`) || !strings.Contains(e.data, `"generation":"frontend-2"`) {
		t.Errorf("the event is told as %+v", e)
	}
}

func TestAnotherConfigurationIsAnotherSnapshot(t *testing.T) {
	r := newRig(t)
	l := r.open("/api/events")
	l.next("snapshot")
	r.set(append(r.agent.Shown(), &deployer.Status{Service: "new", State: "none"})...)
	r.Configure(System{Listen: r.at, Services: []Described{{Name: "new"}, {Name: "frontend"}, {Name: "db"}}, Externals: []External{{"payments", "10.0.2.2:9000"}}})
	if e := l.next("snapshot"); !strings.Contains(e.data, `"service":"new"`) || !strings.Contains(e.data, `"payments"`) {
		t.Errorf("it is %s", e.data)
	}
}

func TestASlowReaderGetsAFreshSnapshotAndNobodyWaitsForIt(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	slow, ok := r.hub.ask(ctx, true)
	if !ok {
		t.Fatal("no answer")
	}
	other := r.open("/api/events")
	other.next("snapshot")
	for n := range 3 * mostFrames {
		r.Tell(fmt.Appendf(nil, `{"message":"event %d"}`, n))
		other.next("event") // who reads gets each
	}
	got := 0
	for range slow.reader.frames { // it is closed, since there was no room
		got++
	}
	if got != mostFrames {
		t.Errorf("%d frames were kept for who did not read, want %d", got, mostFrames)
	}
	fresh, ok := r.hub.ask(ctx, true)
	if last := fmt.Sprintf("event %d", 3*mostFrames-1); !ok || !strings.Contains(string(fresh.snapshot), last) {
		t.Errorf("the fresh snapshot lacks %s", last)
	}
	r.hub.leave(fresh.reader)
	r.hub.leave(slow.reader)
}

func TestAStreamOfAReaderWhoWasDroppedBeginsAnew(t *testing.T) {
	r := newRig(t)
	l := r.open("/api/events")
	l.next("snapshot")
	// More than a socket holds, while nobody reads: the hub drops the reader.
	big := strings.Repeat("x", 100_000)
	for n := range 1000 {
		r.Tell(fmt.Appendf(nil, `{"message":"event %d","reason":%q}`, n, big[:n%1000*100]))
		if n%100 == 0 {
			if _, ok := r.hub.state(t.Context()); !ok {
				t.Fatal("the hub waits")
			}
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		if e := <-l.events; strings.Contains(e.data, `"event 999"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not come to the last event")
		}
	}
}

func TestAStreamSaysWhenTheAgentEnds(t *testing.T) {
	r := newRig(t)
	events, logs := r.open("/api/events"), r.open("/api/logs/stream")
	events.next("snapshot")
	logs.next("start")
	began := time.Now()
	r.stop()
	events.next("bye")
	logs.next("bye")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s to end", took)
	}
	if r.conns.Load() != 0 {
		t.Errorf("%d connections are open", r.conns.Load())
	}
}

func TestMoreStreamsThanThereMayBeAreRefused(t *testing.T) {
	r := newRig(t)
	var all []*listening
	for range mostStreams {
		l := r.open("/api/events")
		l.next("snapshot")
		all = append(all, l)
	}
	for _, path := range []string{"/api/events", "/api/logs/stream"} {
		if l := r.open(path); l.status != http.StatusServiceUnavailable {
			t.Errorf("one more of %s: %d", path, l.status)
		}
	}
	all[0].body.Close()
	r.await("there is room again", func() bool { return r.open("/api/events").status == http.StatusOK })
}

func TestNobodyWhoReadsCostsNothing(t *testing.T) {
	r := newRig(t)
	l := r.open("/api/events")
	l.next("snapshot")
	r.await("it is counted", func() bool { return r.hub.reading.Load() == 1 })
	l.body.Close()
	r.await("it has gone", func() bool { return r.hub.reading.Load() == 0 })
	r.Published()
	select {
	case <-r.hub.news:
		t.Error("the hub is woken, though nobody reads")
	default:
	}
}
