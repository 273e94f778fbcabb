package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/lab"
)

var programFolders []string

var (
	// buildProgram gives the program under test, built once.
	buildProgram = onceBuilt()
	// buildCrashing gives one that dies where package crash is told to.
	buildCrashing = onceBuilt("-tags", "crashpoints")
)

func onceBuilt(flags ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "jarloop-program-")
		if err != nil {
			return "", err
		}
		programFolders = append(programFolders, dir)
		program := filepath.Join(dir, "jarloop")
		// Without the race detector: liblxc forks, and it does not bear that.
		out, err := exec.Command("go", slices.Concat([]string{"build", "-o", program}, flags, []string{"."})...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("build the program: %w: %s", err, out)
		}
		return program, nil
	})
}

func TestMain(m *testing.M) {
	status := m.Run()
	for _, dir := range programFolders {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}

// system is the sample system in a lab.
type system struct {
	*lab.Lab
	t       *testing.T
	ctx     context.Context
	program string
	config  string
	example string // a copy of example/, to edit
	agent   *agentProcess
}

// newLab stands up a lab in which nothing is configured yet.
func newLab(t *testing.T, bindfs bool) *system {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the lab needs root, for containers and namespaces")
	}
	program, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Minute)
	t.Cleanup(cancel)
	l, err := lab.New(ctx, bindfs)
	if err != nil {
		t.Fatal(err)
	}
	s := &system{Lab: l, t: t, ctx: ctx, program: program, config: filepath.Join(l.Dir, "config.toml"), example: filepath.Join(l.Dir, "example")}
	t.Cleanup(func() {
		if s.agent != nil {
			s.agent.kill()
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newSystem stands up a lab with the sample system's configuration and bases.
func newSystem(t *testing.T, bindfs bool) *system {
	t.Helper()
	s := newLab(t, bindfs)
	s.write(s.config, s.configuration())
	if out, err := exec.CommandContext(s.ctx, "cp", "-a", "../../example", s.example).CombinedOutput(); err != nil {
		t.Fatalf("copy the example: %v: %s", err, out)
	}
	// Outside of the lab, whose VM has no way to packages. Built once, kept
	// for the next run.
	if out, err := exec.CommandContext(s.ctx, s.program, "provision", "--config", s.config).CombinedOutput(); err != nil {
		t.Fatalf("provision: %v: %s", err, out)
	}
	return s
}

// configuration is the shipped one, with the lab's folders.
func (s *system) configuration() string {
	text, err := os.ReadFile("../../config.toml")
	if err != nil {
		s.t.Fatal(err)
	}
	return replace(s.t, string(text), map[string]string{
		`"/var/lib/jarloop"`: fmt.Sprintf("%q", filepath.Join(s.Dir, "state")),
		`"/run/jarloop"`:     fmt.Sprintf("%q", filepath.Join(s.Dir, "run")),
		`"/host"`:            fmt.Sprintf("%q", s.Host),
		`"/var/lib/lxc"`:     fmt.Sprintf("%q", s.LXC),
	})
}

// small is a configuration whose base and service take next to nothing to make.
// More can be said of the containers and of the service.
func (s *system) small(containers, service string) string {
	return fmt.Sprintf(`
state = %q
run = %q
[watch]
dir = %q
[lxc]
path = %q
%s
[base.small]
template = "busybox"
[service.page]
exec = "httpd -f -p 8080 -h /page"
port = 8080
%s
[[publish]]
interface = "eth0"
port = 80
service = "page"
`, filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "run"), s.Host, s.LXC, containers, service)
}

// replace replaces texts that must each be there once.
func replace(t *testing.T, text string, by map[string]string) string {
	t.Helper()
	for old, new := range by {
		if strings.Count(text, old) != 1 {
			t.Fatalf("%q is there %d times", old, strings.Count(text, old))
		}
		text = strings.Replace(text, old, new, 1)
	}
	return text
}

func (s *system) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// edit changes a file of the example's source.
func (s *system) edit(file string, by map[string]string) {
	s.t.Helper()
	path := filepath.Join(s.example, file)
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(path, replace(s.t, string(text), by))
}

// gradle runs the example's build on the laptop.
func (s *system) gradle(task string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.ctx, "gradle", "--offline", "--no-daemon", "-q", "-Pshare="+s.Share, task)
	cmd.Dir = s.example
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("gradle %s: %v: %s", task, err, out)
	}
}

// run starts the agent on the VM.
func (s *system) run() *agentProcess {
	s.t.Helper()
	a := s.prepare()
	a.cmd.Stderr = &a.stderr
	stdout, err := a.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go a.read(stdout)
	s.agent = a
	return a
}

// prepare makes an agent that is to be started on the VM.
func (s *system) prepare() *agentProcess {
	a := &agentProcess{t: s.t, cmd: s.VM(s.ctx, s.program, "run", "--config", s.config), done: make(chan struct{})}
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return a
}

// runInto starts the agent on the VM with what it says going elsewhere, to a
// terminal for one. Nothing of it is known but what its other verbs give.
func (s *system) runInto(out *os.File, attributes *syscall.SysProcAttr) *agentProcess {
	s.t.Helper()
	a := s.prepare()
	a.cmd.Stdin, a.cmd.Stdout, a.cmd.Stderr, a.cmd.SysProcAttr = out, out, out, attributes
	if err := a.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(a.done)
		_ = a.cmd.Wait() // its status is kept
	}()
	s.agent = a
	return a
}

// verb runs another verb on the VM, and gives its output and exit status.
func (s *system) verb(args ...string) (string, int) {
	s.t.Helper()
	cmd := s.VM(s.ctx, append([]string{s.program}, append(args, "--config", s.config)...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// status asks the agent, which must be running by then.
func (s *system) status() control.Status {
	s.t.Helper()
	var status control.Status
	s.agent.eventually("the agent answers", func() bool {
		out, _ := s.verb("status", "--json")
		return json.Unmarshal([]byte(out), &status) == nil
	})
	return status
}

// sub runs a part of the test under a name of its own. A part that fails ends
// the test, since the next one builds on it.
func (s *system) sub(name string, do func(t *testing.T)) {
	s.t.Helper()
	outer := s.t
	ok := outer.Run(name, func(t *testing.T) {
		s.speak(t)
		do(t)
	})
	s.speak(outer)
	if !ok {
		outer.FailNow()
	}
}

// speak makes t what is told of failures.
func (s *system) speak(t *testing.T) {
	s.t = t
	if s.agent != nil {
		s.agent.t = t
	}
}

// generations gives the containers of the services, by service.
func (s *system) generations() map[string][]string {
	s.t.Helper()
	entries, err := os.ReadDir(s.LXC)
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string][]string{}
	for _, e := range entries {
		if service, _, found := cutLast(e.Name(), "-"); found && !strings.Contains(e.Name(), "base") {
			all[service] = append(all[service], e.Name())
		}
	}
	return all
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// reply is what the sample system says of itself.
type reply struct {
	Service string  `json:"service"`
	Version string  `json:"version"`
	Calls   []reply `json:"calls"`
}

// get asks the sample system from the laptop.
func (s *system) get(client *http.Client, path string) (reply, error) {
	response, err := client.Get("http://" + lab.Address + path)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	if response.StatusCode != http.StatusOK {
		return reply{}, fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	var a reply
	err = json.Unmarshal(body, &a)
	return a, err
}

// versions are the versions of all services that one request came through.
func (a reply) versions() map[string]string {
	all := map[string]string{a.Service: a.Version}
	for _, call := range a.Calls {
		for service, version := range call.versions() {
			all[service] = version
		}
	}
	return all
}

// agentProcess is an agent that runs on the VM.
type agentProcess struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan struct{}

	mu    sync.Mutex
	lines []logLine
}

// logLine is one JSON line of the agent's output.
type logLine struct {
	at   time.Time
	text string

	Level      string   `json:"level"`
	Message    string   `json:"message"`
	Service    string   `json:"service"`
	Generation string   `json:"generation"`
	Reason     string   `json:"reason"`
	Serving    string   `json:"serving"`
	Step       string   `json:"step"`
	Tail       []string `json:"tail"`
}

func (a *agentProcess) read(out io.Reader) {
	defer close(a.done)
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		l := logLine{at: time.Now(), text: scanner.Text()}
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			a.t.Errorf("not JSON: %q", scanner.Text())
		}
		a.mu.Lock()
		a.lines = append(a.lines, l)
		a.mu.Unlock()
	}
}

// said gives the lines from number from on that match.
func (a *agentProcess) said(from int, match func(logLine) bool) []logLine {
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []logLine
	for _, l := range a.lines[min(from, len(a.lines)):] {
		if match(l) {
			found = append(found, l)
		}
	}
	return found
}

// now is how many lines there are by now.
func (a *agentProcess) now() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.lines)
}

// await waits for a line about a service.
func (a *agentProcess) await(from int, message, service string) logLine {
	a.t.Helper()
	var found []logLine
	a.eventually(message+" "+service, func() bool {
		found = a.said(from, func(l logLine) bool { return l.Message == message && (service == "" || l.Service == service) })
		return len(found) > 0
	})
	return found[0]
}

// eventually waits for a condition, and shows what the agent said if it never
// comes true.
func (a *agentProcess) eventually(what string, so func() bool) {
	a.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !so() {
		select {
		case <-a.done:
			a.t.Fatalf("the agent ended before: %s\n%s", what, a.output())
		default:
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("not within 90 s: %s\n%s", what, a.output())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (a *agentProcess) output() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, l := range a.lines {
		if l.Level != "" { // not what the services print
			b.WriteString(l.text + "\n")
		}
	}
	return b.String() + a.stderr.String()
}

// kill ends the agent as a power cut would.
func (a *agentProcess) kill() {
	_ = a.cmd.Process.Kill()
	<-a.done
	_ = a.cmd.Wait()
}

// stop ends the agent as Ctrl-C does, and gives its exit status.
func (a *agentProcess) stop() int {
	a.t.Helper()
	if err := a.cmd.Process.Signal(os.Interrupt); err != nil {
		a.t.Fatal(err)
	}
	<-a.done
	_ = a.cmd.Wait()
	if a.stderr.Len() > 0 {
		a.t.Errorf("the agent's standard error: %s", a.stderr.String())
	}
	return a.cmd.ProcessState.ExitCode()
}

// traffic is requests from the laptop without end, each on a connection of
// its own.
type traffic struct {
	sent   atomic.Int64
	mu     sync.Mutex
	failed []string
	cancel context.CancelFunc
	ended  chan struct{}
}

func (s *system) startTraffic(path string) *traffic {
	ctx, cancel := context.WithCancel(s.ctx)
	t := &traffic{cancel: cancel, ended: make(chan struct{})}
	client := s.Client(false)
	go func() {
		defer close(t.ended)
		for ctx.Err() == nil {
			_, err := s.get(client, path)
			t.sent.Add(1)
			if err != nil {
				t.mu.Lock()
				t.failed = append(t.failed, time.Now().Format("15:04:05.000 ")+err.Error())
				t.mu.Unlock()
			}
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return t
}

// stop ends the traffic and fails the test if a request failed.
func (t *traffic) stop(tt *testing.T) {
	tt.Helper()
	t.cancel()
	<-t.ended
	tt.Logf("%d requests", t.sent.Load())
	if t.sent.Load() == 0 || len(t.failed) > 0 {
		tt.Errorf("%d of %d requests failed: %s", len(t.failed), t.sent.Load(), strings.Join(t.failed[:min(5, len(t.failed))], "\n"))
	}
}

// forNewerJava gives the JAR with classes of a version that no JVM knows (JVMS
// 4.1, major_version).
func forNewerJava(t *testing.T, jar string) string {
	t.Helper()
	in, err := zip.NewReader(strings.NewReader(jar), int64(len(jar)))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	out := zip.NewWriter(&text)
	for _, entry := range in.File {
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(entry.Name, ".class") {
			content[6], content[7] = 0xff, 0xff
		}
		w, err := out.Create(entry.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
