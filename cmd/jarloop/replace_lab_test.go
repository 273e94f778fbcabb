package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// counter gives a configuration with a service whose data one process at a time may
// have open, and puts what it runs into the share. More can be said of it.
func (s *system) counter(more string) string {
	s.t.Helper()
	folder := filepath.Join(s.Share, "volume-counter")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		s.t.Fatal(err)
	}
	build := exec.CommandContext(s.ctx, "go", "build", "-o", filepath.Join(folder, "counter"), "./testdata/counter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	s.version("good 0")
	small, _, _ := strings.Cut(s.small("", ""), "[service.page]")
	return small + `[service.counter]
exec = "cp /counter/counter /tmp/c && chmod +x /tmp/c && exec /tmp/c /counter/counter"
port = 8080
data = ["/data"]
health = { path = "/", timeout = "3s" }
stop_timeout = "2s"
` + more + `
[[publish]]
interface = "eth0"
port = 80
service = "counter"
`
}

// version writes what the counter is to be.
func (s *system) version(text string) {
	s.t.Helper()
	s.write(filepath.Join(s.Share, "volume-counter", "version"), text+"\n")
}

// writers send rows from the laptop, so many a second, half of them by connections
// that are kept open. A server may end such a one at any time, so what comes by these
// is what a client repeats then (RFC 9112, section 9.3.1).
type writers struct {
	s      *system
	stop   chan struct{}
	ended  chan struct{}
	sent   atomic.Int64
	mu     sync.Mutex
	kept   map[string]bool // rows that were answered
	failed []string
	slow   time.Duration // the slowest answer
}

func (s *system) write100() *writers {
	w := &writers{s: s, stop: make(chan struct{}), ended: make(chan struct{}), kept: map[string]bool{}}
	clients := []*http.Client{s.Client(false), s.Client(true)}
	go func() {
		defer close(w.ended)
		var all sync.WaitGroup
		defer all.Wait()
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				id := w.sent.Add(1)
				all.Go(func() { w.send(clients[id%2], strconv.FormatInt(id, 10), id%2 == 1) })
			}
		}
	}()
	return w
}

func (w *writers) send(client *http.Client, id string, keeps bool) {
	began := time.Now()
	request, err := http.NewRequestWithContext(w.s.ctx, http.MethodPost, "http://"+lab.Address+"/rows/"+id, nil)
	if err == nil && keeps {
		request.Header.Set("Idempotency-Key", id)
	}
	var response *http.Response
	if err == nil {
		response, err = client.Do(request)
	}
	text := []byte(nil)
	if err == nil {
		text, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	took := time.Since(began)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow = max(w.slow, took)
	if err != nil {
		w.failed = append(w.failed, fmt.Sprintf("%s row %s, kept open %t, after %s: %v", time.Now().Format("15:04:05.000"), id, keeps, took, err))
		return
	}
	w.kept[id] = true
}

// finish ends the writing, and checks that nothing has failed and nothing is lost.
func (w *writers) finish(t *testing.T) {
	t.Helper()
	close(w.stop)
	<-w.ended
	response, err := w.s.Client(false).Get("http://" + lab.Address + "/rows")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for row := range strings.Lines(string(text)) {
		there[strings.TrimSpace(row)] = true
	}
	lost := 0
	for id := range w.kept {
		if !there[id] {
			lost++
		}
	}
	t.Logf("%d requests, %d failed, %d of %d rows lost, the slowest answer after %s", w.sent.Load(), len(w.failed), lost, len(w.kept), w.slow)
	if len(w.kept) == 0 || lost > 0 || len(w.failed) > 0 {
		t.Errorf("%d requests failed, %d rows are lost: %s", len(w.failed), lost, strings.Join(w.failed[:min(10, len(w.failed))], "\n"))
	}
	if there["broken"] {
		t.Error("the data have what a broken build wrote")
	}
}

// A service whose data refuse a second process is replaced under load, every fifth
// time by a build that is broken.
func TestOneProcessAtATime(t *testing.T) {
	rounds := 6
	if text := os.Getenv("JARLOOP_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newLab(t, false)
	s.write(s.config, s.counter(""))
	if out, code := s.verb("provision"); code != 0 {
		t.Fatalf("provision exits with %d: %s", code, out)
	}
	s.run()
	s.agent.await(0, "live", "counter")
	w := s.write100()
	good := ""
	for round := 1; round <= rounds; round++ {
		from := s.agent.now()
		if round%5 == 0 {
			s.version(fmt.Sprintf("%s %d", []string{"broken", "silent"}[round/5%2], round))
			s.agent.await(from, "failed", "counter")
			continue
		}
		good = fmt.Sprintf("good %d", round)
		s.version(good)
		l := s.agent.await(from, "live", "counter")
		t.Log(l.text)
	}
	w.finish(t)
	if got, err := s.counterSays(); err != nil || strings.TrimSpace(got) != good {
		t.Errorf("what serves is %q, %v; not %q", got, err, good)
	}
	for _, l := range s.agent.said(0, func(l logLine) bool { return l.Message == "died" || l.Message == "restarted" || l.Message == "warning" }) {
		t.Errorf("told: %s", l.text)
	}
}

// counterSays gives the version of the counter that serves.
func (s *system) counterSays() (string, error) {
	response, err := s.Client(false).Post("http://"+lab.Address+"/rows/asked", "text/plain", nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// The agent is killed at each moment of a replacement, a good one and one of a broken
// build, while rows are written all the time.
func TestKilledAnywhereInAReplacement(t *testing.T) {
	forKills(t)
	s := newLab(t, false)
	c := newCrashing(t, s)
	s.write(s.config, s.counter(`drain = "1s"`+"\n"))
	if out, code := s.verb("provision"); code != 0 {
		t.Fatalf("provision exits with %d: %s", code, out)
	}
	saved, version := 0, ""
	save := func(kind string) func() {
		return func() { saved++; version = fmt.Sprintf("%s %d", kind, saved); s.version(version) }
	}
	arrived := func() bool {
		all := c.ask().Services
		if len(all) != 1 || all[0].State != "live" || all[0].Standby == "" || len(all[0].Draining) > 0 {
			return false
		}
		got, err := s.counterSays()
		return err == nil && strings.TrimSpace(got) == version
	}
	failed := func(from int) func() bool {
		return func() bool {
			return len(s.agent.said(from, func(l logLine) bool { return l.Message == "failed" })) > 0
		}
	}
	good, broken := save("good"), save("broken")
	good()
	s.run()
	s.agent.eventually("it serves", arrived)
	w := s.write100()
	deploy := c.acts(func() { good(); s.agent.eventually("what was saved serves", arrived) })
	failure := c.acts(func() { from := s.agent.now(); broken(); s.agent.eventually("it failed", failed(from)) })
	good()
	s.agent.eventually("what was saved serves", arrived)

	dies := func(a act, save func(), until func() func() bool, recovered func() bool) {
		for _, m := range c.chosen(a) {
			if !c.dies(m, save, until()) {
				c.missed = append(c.missed, string(m))
			} else {
				t.Logf("%d: killed %s", c.cells, m)
				s.run()
				s.agent.eventually("it is recovered", recovered)
				c.cells++
			}
			if version != fmt.Sprintf("good %d", saved) {
				good()
				s.agent.eventually("what was saved serves", arrived)
			}
		}
	}
	for _, a := range deploy {
		dies(a, good, func() func() bool { return arrived }, arrived)
	}
	for _, a := range failure {
		if strings.HasPrefix(a.name, "undo") || strings.Contains(a.name, "data") || strings.HasPrefix(a.name, "relay") {
			dies(a, broken, func() func() bool { return failed(s.agent.now()) }, func() bool { return failed(0)() })
		}
	}
	w.finish(t)
	if code := s.agent.stop(); code != 0 { // before the folder goes in which it notes its acts
		t.Errorf("the agent left with %d", code)
	}
	t.Logf("killed and recovered %d times; %d moments did not come again: %q", c.cells, len(c.missed), c.missed)
	if c.cells < 20 || len(c.missed) > c.cells/3 {
		t.Errorf("too many moments that did not come: %d, beside %d", len(c.missed), c.cells)
	}
}
