package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// checkout is the root of the sources.
const checkout = "../.."

// system is the sample system in a lab.
type system struct {
	*lab.Lab
	t       *testing.T
	ctx     context.Context
	program string
	config  string
	example string // a copy of example/, to edit
	agent   *agentProcess
	only    []string // the services that the agent is started for; none: all
	// control asks the agent as its verbs do, without a process for each question:
	// tests ask all the time, and two cores are to be the agent's.
	control *control.Client
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
	s := &system{
		Lab: l, t: t, ctx: ctx, program: program, config: filepath.Join(l.Dir, "config.toml"), example: filepath.Join(l.Dir, "example"),
		control: control.NewClient(filepath.Join(l.Dir, "run", "jarloop.sock")),
	}
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
	if _, err := s.Example(s.ctx, checkout); err != nil {
		t.Fatal(err)
	}
	s.provision()
	return s
}

// provision builds the bases of the configuration outside of the lab, whose VM has no
// way to packages. What is built is kept for the next run.
func (s *system) provision() {
	s.t.Helper()
	if out, err := exec.CommandContext(s.ctx, s.program, "provision", "--config", s.config).CombinedOutput(); err != nil {
		s.t.Fatalf("provision: %v: %s", err, out)
	}
}

// configuration is the shipped one, with the lab's folders.
func (s *system) configuration() string {
	s.t.Helper()
	text, err := s.Configuration(checkout)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
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
	a := &agentProcess{t: s.t, cmd: s.VM(s.ctx, slices.Concat([]string{s.program, "run", "--config", s.config}, s.only)...), done: make(chan struct{})}
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
	s.agent.eventually("the agent answers", func() (answers bool) {
		var err error
		status, err = s.control.Status(s.ctx)
		return err == nil
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
		if _, err := os.Stat(filepath.Join(s.LXC, e.Name(), "jarloop-base.json")); err == nil {
			continue
		}
		if service, _, found := cutLast(e.Name(), "-"); found && !strings.HasPrefix(e.Name(), ".") {
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

// powerCut takes from the VM what does not outlive a reboot: processes, rules
// and addresses.
func (s *system) powerCut() {
	s.t.Helper()
	for _, name := range s.monitored() {
		if out, err := s.VM(s.ctx, "lxc-stop", "-k", "-P", s.LXC, "-n", name).CombinedOutput(); err != nil {
			s.t.Fatalf("stop %s: %v: %s", name, err, out)
		}
	}
	script := `set -e
for table in nat filter; do iptables -t $table -F; iptables -t $table -X; done
echo 0 >/proc/sys/net/ipv4/conf/lxcbr0/route_localnet
echo 10 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close
for address in $(ip -o -4 address show dev lxcbr0 | awk '/jarloop/ {print $4}'); do ip address del $address dev lxcbr0; done`
	if out, err := s.VM(s.ctx, "sh", "-c", script).CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

func (s *system) rules() string {
	s.t.Helper()
	out, err := s.VM(s.ctx, "iptables-save").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return string(out)
}

func anyContains(t *testing.T, files []string, text string) bool {
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), text) {
			return true
		}
	}
	return false
}
