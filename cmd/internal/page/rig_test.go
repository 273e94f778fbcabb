package page

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// rig is a server on loopback, of an agent that remembers what it was asked for.
type rig struct {
	t *testing.T
	*Server
	agent *fake
	at    netip.AddrPort
	url   string
	stop  func()

	mu   sync.Mutex
	said []string
}

// fake is an agent whose services a test sets.
type fake struct {
	shown  atomic.Pointer[[]*deployer.Status]
	memory atomic.Int64
	asked  chan string
	deploy func(ctx context.Context) ([]control.Outcome, error)
}

func (f *fake) About() control.Status {
	return control.Status{Version: "v1", PID: 7, Watching: "watches \x1b[2J/host", Degraded: "why\x07"}
}
func (f *fake) Shown() []*deployer.Status { return *f.shown.Load() }
func (f *fake) Memory() map[string]int64 {
	return map[string]int64{"frontend": f.memory.Load(), "": 1 << 30}
}
func (f *fake) ask(format string, args ...any) { f.asked <- fmt.Sprintf(format, args...) }

func (f *fake) Deploy(ctx context.Context, services []string) ([]control.Outcome, error) {
	f.ask("deploy %v", services)
	if f.deploy != nil {
		return f.deploy(ctx)
	}
	return []control.Outcome{{Service: "frontend", Generation: "frontend-2", Error: "it \x1b[31mbroke"}}, nil
}

func (f *fake) Rollback(_ context.Context, r control.RollbackRequest) (control.Outcome, error) {
	f.ask("rollback %s %s", r.Service, r.Set)
	if r.Set == "none" {
		return control.Outcome{}, control.InputError{Err: errors.New("no set begins so")}
	}
	return control.Outcome{Service: r.Service, Set: "abcd"}, nil
}

func (f *fake) Pause(_ context.Context, r control.PauseRequest) error {
	f.ask("pause %s %v", r.Service, r.Paused)
	return nil
}

func (f *fake) Divert(_ context.Context, r control.DivertRequest) (control.Diverted, error) {
	f.ask("divert %s %s", r.Service, r.To)
	return control.Diverted{To: r.To, Warning: "nothing there"}, nil
}

func (f *fake) Restart(_ context.Context, r control.RestartRequest) error {
	f.ask("restart %s", r.Service)
	return errors.New("it does not start")
}

// newRig serves on a free port of loopback until the test ends.
func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	f := &fake{asked: make(chan string, 1000)}
	r := &rig{t: t, agent: f}
	r.set(&deployer.Status{Service: "db", State: "live", Generation: "db-1"},
		&deployer.Status{Service: "frontend", State: "live", Generation: "frontend-1", Set: "aaaa", Newest: deployer.Newest{Reason: "\x1b[31m<b>no</b>"}})
	r.at = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t))
	var err error
	r.Server, err = New(Options{
		Agent: f, Folders: Folders{
			Token: filepath.Join(dir, "token"), History: filepath.Join(dir, "history"), Sets: filepath.Join(dir, "sets"),
			Logs: filepath.Join(dir, "logs"),
		},
		System: System{Listen: r.at, Services: []Described{
			{Name: "frontend", Kind: "service", Needs: []string{"db"}}, {Name: "db", Kind: "backing", Layer: 1, NeededBy: []string{"frontend"}},
		}},
		Say: r.say, Warn: r.say, Asked: func(by, service, what string) { r.say(fmt.Sprintf("asked: %s of %s by %s", what, service, by)) },
		Secret: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + r.at.String()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.Run(ctx)
	}()
	r.stop = func() { cancel(); <-over }
	t.Cleanup(r.stop)
	r.await("it listens", func() bool { return r.says("page: " + r.url) })
	return r
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func (r *rig) set(all ...*deployer.Status) { r.agent.shown.Store(&all) }

func (r *rig) say(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, text)
}

func (r *rig) says(part string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(strings.Join(r.said, "\n"), part)
}

func (r *rig) await(what string, is func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("not after 20 s: %s", what)
		}
	}
}

func (r *rig) token() string { return r.door.now.Load().token }

// request makes a request of a script, which is let in; head has further headers, of
// which an empty one removes what is usual.
func (r *rig) request(method, path, body string, head ...string) *http.Request {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.token())
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(head); i += 2 {
		switch {
		case head[i] == "Host":
			request.Host = head[i+1]
		case head[i+1] == "":
			request.Header.Del(head[i])
		default:
			request.Header.Set(head[i], head[i+1])
		}
	}
	return request
}

// do makes a request, and gives the status, the headers and the body.
func (r *rig) do(method, path, body string, head ...string) (int, http.Header, string) {
	r.t.Helper()
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r.request(method, path, body, head...))
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// get reads JSON.
func (r *rig) get(path string, to any) {
	r.t.Helper()
	status, _, text := r.do(http.MethodGet, path, "")
	if status != http.StatusOK {
		r.t.Fatalf("%s: %d: %s", path, status, text)
	}
	if err := json.Unmarshal([]byte(text), to); err != nil {
		r.t.Fatalf("%s: %v in %s", path, err, text)
	}
}

// sent is one server-sent event.
type sent struct{ id, event, data string }

// listening is a stream that is open.
type listening struct {
	t      *testing.T
	status int
	body   io.ReadCloser
	events chan sent // closed at its end
}

// open opens a stream; its events come by a channel.
func (r *rig) open(path string, head ...string) *listening {
	r.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r.request(http.MethodGet, path, "", head...))
	if err != nil {
		r.t.Fatal(err)
	}
	l := &listening{t: r.t, status: response.StatusCode, body: response.Body, events: make(chan sent, 10_000)}
	r.t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		return l
	}
	go l.read()
	return l
}

func (l *listening) read() {
	defer close(l.events)
	lines := bufio.NewScanner(l.body)
	lines.Buffer(nil, 64<<20)
	var e sent
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case name == "" && e.event != "":
			l.events <- e
			e = sent{}
		case name == "id":
			e.id = value
		case name == "event":
			e.event = value
		case name == "data":
			e.data = value
		}
	}
}

// next gives the next event of that name.
func (l *listening) next(event string) sent {
	l.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e, more := <-l.events:
			if !more {
				l.t.Fatalf("the stream has ended, without %s", event)
			}
			if e.event == event {
				return e
			}
		case <-deadline:
			l.t.Fatalf("no %s after 20 s", event)
		}
	}
}

// raw sends bytes as they are, and gives the status of the answer; 0: there is none.
func (r *rig) raw(text string) (status int) {
	r.t.Helper()
	conn, err := net.Dial("tcp4", r.at.String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
	line, _, err := bufio.NewReader(conn).ReadLine()
	if err != nil || len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0
	}
	status, _ = strconv.Atoi(string(line[9:12]))
	return status
}

// put writes a file, with the folders that it lies in.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// fleet gives so many services.
func fleet(system *System, n int) (all []*deployer.Status) {
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		system.Services = append(system.Services, Described{Name: name, Kind: "service"})
		all = append(all, &deployer.Status{Service: name, State: "live", Generation: name + "-1", Last: &deployer.Last{Steps: make([]deployer.Step, 12)}})
	}
	return all
}
