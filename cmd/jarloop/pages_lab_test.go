package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// callers are the services of the small system that call its page.
var callers = []string{"caller1", "caller2", "caller3", "caller4", "caller5"}

// pages is a system whose base and services take next to nothing to make: page,
// which is published, and five that call it. Names lead to what is live, so that
// a switch of page has all of their hosts files to write. While there is a file
// called hold among its artefacts, page does not come up.
type pages struct {
	*system
	saved int // the newest version of page
}

func newPages(s *system) *pages {
	s.t.Helper()
	s.LXC = filepath.Join(s.Dir, "lxc") // what is kept for other tests stays
	p := &pages{system: s}
	text := fmt.Sprintf(`
state = %q
run = %q
[watch]
dir = %q
[lxc]
path = %q
names = "hosts"
[base.small-base]
template = "busybox"
[service.page]
base = "small-base"
exec = "while [ -e /page/hold ]; do sleep 0.05; done; exec httpd -f -p 8080 -h /page"
port = 8080
drain = "100ms"
[[publish]]
interface = "eth0"
port = 80
service = "page"
`, filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "run"), s.Host, s.LXC)
	for _, caller := range callers {
		text += fmt.Sprintf("[service.%s]\nbase = \"small-base\"\nexec = \"httpd -f -p 8081 -h /%s\"\nport = 8081\nneeds = [\"page\"]\n", caller, caller)
	}
	s.write(s.config, text)
	for _, service := range append([]string{"page"}, callers...) {
		if err := os.MkdirAll(filepath.Join(s.Share, "volume-"+service), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if service != "page" {
			s.write(filepath.Join(s.Share, "volume-"+service, "index.html"), "hello\n")
		}
	}
	return p
}

// up starts the agent, and waits until all is live and at rest.
func (p *pages) up() {
	p.t.Helper()
	p.save()
	p.run()
	p.agent.eventually("all are live", func() bool { return len(p.live()) == 1+len(callers) && !slices.Contains(p.names(), "") })
	p.settled()
}

// names gives the live generations, with "" for a service that has none.
func (p *pages) names() []string {
	var names []string
	for _, name := range p.live() {
		names = append(names, name)
	}
	return names
}

// artefact is a file of page on the laptop.
func (p *pages) artefact(name string) string { return filepath.Join(p.Share, "volume-page", name) }

// save makes another version of page.
func (p *pages) save() {
	p.t.Helper()
	p.saved++
	p.write(p.artefact("api"), fmt.Sprintf("{\"service\":\"page\",\"version\":\"%d\"}\n", p.saved))
}

// serves says whether the laptop is given what was saved last.
func (p *pages) serves() bool {
	a, err := p.get(p.Client(false), "/api")
	return err == nil && a.Version == strconv.Itoa(p.saved)
}

// awaitServed waits until it is.
func (p *pages) awaitServed() {
	p.t.Helper()
	p.agent.eventually(fmt.Sprintf("version %d is served", p.saved), p.serves)
}

// inside runs a command in a generation.
func (p *pages) inside(generation, script string) string {
	p.t.Helper()
	out, err := p.VM(p.ctx, "lxc-attach", "-P", p.LXC, "-n", generation, "--", "sh", "-c", script).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s in %s: %v: %s", script, generation, err, out)
	}
	return string(out)
}

// cut ends a container as a power cut would.
func (p *pages) cut(generation string) {
	p.t.Helper()
	if out, err := p.VM(p.ctx, "lxc-stop", "-k", "-P", p.LXC, "-n", generation).CombinedOutput(); err != nil {
		p.t.Fatalf("stop %s: %v: %s", generation, err, out)
	}
}

// inits gives the process of each live generation's init.
func (p *pages) inits() map[string]string {
	p.t.Helper()
	inits := map[string]string{}
	for service, generation := range p.live() {
		out, err := p.VM(p.ctx, "lxc-info", "-P", p.LXC, "-n", generation, "-p", "-H").Output()
		if err != nil {
			p.t.Fatalf("look for the init of %s: %v", generation, err)
		}
		inits[service] = strings.TrimSpace(string(out))
	}
	return inits
}

// ended stops the agent as systemd does, and gives its exit status.
func (p *pages) ended() int {
	p.t.Helper()
	if err := p.agent.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-p.agent.done
	_ = p.agent.cmd.Wait()
	return p.agent.cmd.ProcessState.ExitCode()
}

// legacyTables makes the legacy variant of iptables that of the VM, and gives
// the file of its lock, which nobody else on this machine uses.
func (p *pages) legacyTables() (lock string) {
	p.t.Helper()
	legacy, err := exec.LookPath("iptables-legacy")
	if err != nil {
		p.t.Skip(err)
	}
	bin := filepath.Join(p.Dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		p.t.Fatal(err)
	}
	for _, name := range []string{"", "-save", "-restore"} {
		if err := os.Symlink(legacy+name, filepath.Join(bin, "iptables"+name)); err != nil {
			p.t.Fatal(err)
		}
	}
	return filepath.Join(p.Dir, "xtables.lock")
}
