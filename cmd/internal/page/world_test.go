package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jarloop/jarloop/cmd/internal/browser"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/page"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/deployer/logs"
)

// world is a page that is served as the agent serves it, with an agent behind it that
// says what a test has it say, and a browser.
type world struct {
	t       testing.TB
	agent   *source
	server  *page.Server
	end     func()
	browser *browser.Browser
	folders page.Folders
	system  page.System
	port    uint16
}

// source is the agent: what it was made to say, and what it was asked for.
type source struct {
	mu       sync.Mutex
	shown    []*deployer.Status
	asked    []string
	outcome  control.Outcome
	rollback func(set string)
}

func (a *source) About() control.Status {
	return control.Status{Version: "test", PID: os.Getpid(), Watching: "watches /host"}
}

func (a *source) Shown() []*deployer.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.shown)
}

func (a *source) Memory() map[string]int64 {
	all := map[string]int64{}
	for _, s := range a.Shown() {
		all[s.Service] = 84 << 20
	}
	return all
}

func (a *source) note(format string, arguments ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, fmt.Sprintf(format, arguments...))
}

func (a *source) notes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}

func (a *source) Deploy(_ context.Context, services []string) ([]control.Outcome, error) {
	a.note("deploy %s", strings.Join(services, " "))
	return []control.Outcome{a.outcome}, nil
}

func (a *source) Rollback(_ context.Context, r control.RollbackRequest) (control.Outcome, error) {
	a.note("rollback %s %s", r.Service, r.Set)
	if a.rollback != nil {
		a.rollback(r.Set)
	}
	return a.outcome, nil
}

func (a *source) Pause(_ context.Context, r control.PauseRequest) error {
	a.note("pause %s %v", r.Service, r.Paused)
	return nil
}

func (a *source) Divert(_ context.Context, r control.DivertRequest) (control.Diverted, error) {
	a.note("divert %s %s", r.Service, r.To)
	return control.Diverted{To: r.To, Warning: "nothing accepts connections there yet"}, nil
}

func (a *source) Restart(_ context.Context, r control.RestartRequest) error {
	a.note("restart %s", r.Service)
	return errors.New("it is not live")
}

// calls are those of the sample system.
var calls = map[string][]string{
	"web": {"frontend"}, "frontend": {"authentication", "session", "person"}, "authentication": {"authorisation"},
	"session": nil, "person": {"authorisation"}, "authorisation": nil,
}

var order = []string{"web", "frontend", "authentication", "session", "person", "authorisation"}

// newWorld serves the sample system, all of it live.
func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, agent: &source{}, folders: page.Folders{
		Token: filepath.Join(dir, "token"), History: filepath.Join(dir, "history"), Sets: filepath.Join(dir, "sets"), Logs: filepath.Join(dir, "logs"),
	}}
	for _, folder := range []string{w.folders.History, w.folders.Sets, w.folders.Logs} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.port = uint16(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	for _, name := range order {
		w.add(name, calls[name]...)
	}
	w.system.Services[0].Published = []page.Published{{Port: 80, To: 8080, Protocol: "tcp", Interface: "eth0"}}
	return w
}

// add adds a service that is live.
func (w *world) add(name string, needs ...string) {
	w.system.Services = append(w.system.Services, page.Described{Name: name, Needs: needs, Kind: "service", Port: 8080, Base: "service-base"})
	w.agent.shown = append(w.agent.shown, live(name, 7))
}

// live is the status of a service whose generation of that number is live.
func live(name string, number int) *deployer.Status {
	since := time.Now().Add(-3 * time.Minute)
	s := &deployer.Status{
		Service: name, State: "live", Generation: generation(name, number), Set: set(number), Since: since, Address: "10.0.3.131:8080",
		Last: &deployer.Last{Generation: generation(name, number), Set: set(number), Ended: since, Took: 423 * time.Millisecond, Steps: steps(1, "")},
	}
	s.Generations = []deployer.Exists{{Generation: s.Generation, Number: number, State: "live", Set: s.Set, Since: since, Address: s.Address}}
	return s
}

func generation(name string, number int) string { return name + "-" + strconv.Itoa(number) }

func set(number int) string { return fmt.Sprintf("%08xc0ffee", number*0x1234567) }

// steps are those of a deploy, up to the one named.
func steps(factor time.Duration, last string) []deployer.Step {
	all := []deployer.Step{
		{Name: "settle", Took: 41 * time.Millisecond}, {Name: "install", Took: factor * 12 * time.Millisecond}, {Name: "wait for needs", Took: 2 * time.Millisecond},
		{Name: "start", Took: factor * 150 * time.Millisecond}, {Name: "prove", Took: factor * 110 * time.Millisecond}, {Name: "switch", Took: 28 * time.Millisecond},
	}
	if i := slices.IndexFunc(all, func(s deployer.Step) bool { return s.Name == last }); i >= 0 {
		return all[:i+1]
	}
	return all
}

// serve starts the agent, again if it has been ended.
func (w *world) serve() {
	w.t.Helper()
	w.system.Listen = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), w.port)
	server, err := page.New(page.Options{
		Agent: w.agent, Folders: w.folders, System: w.system, Say: func(string) {}, Warn: func(text string) { w.t.Log(text) },
		Asked: func(by, service, what string) {
			w.tell(map[string]any{"level": "info", "message": "asked", "service": service, "reason": what, "by": by})
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		server.Run(ctx)
	}()
	w.server = server
	w.end = sync.OnceFunc(func() { cancel(); <-over })
	w.t.Cleanup(w.end)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp4", w.system.Listen.String())
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			w.t.Fatal(err)
		}
	}
}

// open opens the page as a person does: by the address with its token, and then what
// a link leads to.
func (w *world) open(width, height int64, to string) *browser.Tab {
	w.t.Helper()
	if w.browser == nil {
		b, err := browser.New(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { check(w.t, b.Close()) })
		w.browser = b
	}
	where, err := w.server.Address(false)
	check(w.t, err)
	tab, err := w.browser.Open(width, height, where.URL)
	check(w.t, err)
	w.await(tab, "document.querySelector('.view')")
	if to != "" {
		w.run(tab, fmt.Sprintf("location.hash = %q", to))
	}
	w.t.Cleanup(func() {
		for _, line := range tab.Written() {
			// The agent was ended on purpose, or said no on purpose: browsers note both.
			if !strings.Contains(line, "net::ERR_") && !strings.Contains(line, "/api/acts/restart") && !strings.Contains(line, "status of 400") {
				w.t.Errorf("the page wrote to the console: %s", line)
			}
		}
	})
	return tab
}

// await waits until an expression is true on a page.
func (w *world) await(tab *browser.Tab, expression string) {
	w.t.Helper()
	check(w.t, tab.Await(expression))
}

func (w *world) run(tab *browser.Tab, expression string) {
	w.t.Helper()
	check(w.t, tab.Do(chromedp.Evaluate[chromedp.Void](expression)))
}

// press presses keys on a page, one after the other.
func (w *world) press(tab *browser.Tab, keys ...string) {
	w.t.Helper()
	for _, key := range keys {
		check(w.t, tab.Press(key))
	}
}

// publish makes a status the newest of its service.
func (w *world) publish(s *deployer.Status) {
	w.agent.mu.Lock()
	for i, old := range w.agent.shown {
		if old.Service == s.Service {
			w.agent.shown[i] = s
		}
	}
	w.agent.mu.Unlock()
	w.server.Published()
}

// tell tells of an event.
func (w *world) tell(event map[string]any) {
	text, err := json.Marshal(event)
	check(w.t, err)
	w.server.Tell(text)
}

// remember writes a history.
func (w *world) remember(service string, entries ...history.Entry) {
	w.t.Helper()
	book, err := history.Open(w.folders.History)
	check(w.t, err)
	check(w.t, book.Amend(service, func(p *history.Page) { p.Entries = append(p.Entries, entries...) }))
}

// keepSet keeps a set of artefacts, so that one can go back to it.
func (w *world) keepSet(service, id string) {
	w.t.Helper()
	folder := filepath.Join(w.folders.Sets, service, id)
	check(w.t, os.MkdirAll(folder, 0o755))
	check(w.t, os.WriteFile(filepath.Join(folder, "config.yml"), []byte(id), 0o644))
}

// print appends to what a generation has printed, and gives where it ends.
func (w *world) print(service string, number int, lines ...string) int64 {
	w.t.Helper()
	folder := logs.FolderOf(w.folders.Logs, service, number)
	check(w.t, os.MkdirAll(folder.Reports(), 0o755))
	f, err := os.OpenFile(folder.Out(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	check(w.t, err)
	defer f.Close()
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	check(w.t, err)
	info, err := f.Stat()
	check(w.t, err)
	return info.Size()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
