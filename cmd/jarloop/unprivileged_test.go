package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jarloop/jarloop/deployer/guest"
)

// unprivileged is two services, one behind the other, on an unprivileged base.
const unprivileged = `
state = %q
run = %q
[watch]
dir = %q
[lxc]
path = %q
[base.nobody-base]
template = %q
privileged = false
[service.front]
base = "nobody-base"
exec = "nginx -c /front/nginx.conf"
port = 8080
needs = ["page"]
health = { path = "/api" }
drain = "100ms"
[service.page]
base = "nobody-base"
exec = "nginx -c /page/nginx.conf"
port = 8080
health = { timeout = "10s" }
drain = "100ms"
[[publish]]
interface = "eth0"
port = 80
service = "front"
`

// copyTemplate makes a base of the tree of another, which takes seconds.
const copyTemplate = `#!/bin/sh -e
for argument; do
	case $argument in
	--path=*) path=${argument#*=} ;;
	--rootfs=*) rootfs=${argument#*=} ;;
	esac
done
cp --archive --reflink=auto %s/. "$rootfs"
echo lxc.include = /usr/share/lxc/config/debian.common.conf >>"$path/config"
`

// nginxConfig serves one location.
const nginxConfig = `daemon off;
error_log stderr;
pid /run/nginx.pid;
events {}
http {
	access_log off;
	server { listen 8080; location / { %s; } }
}
`

// newUnprivileged stands up a lab in which root's users for containers are known
// whatever this machine says of them, and gives the first of them.
func newUnprivileged(t *testing.T) (s *system, first int) {
	t.Helper()
	if text, err := os.ReadFile("/proc/sys/user/max_user_namespaces"); err != nil || strings.TrimSpace(string(text)) == "0" {
		t.Skip("this kernel makes no user namespaces")
	}
	s = newSystem(t, false)
	first = 100000
	trees, err := filepath.Glob(filepath.Join(s.LXC, "web-base-*", "rootfs"))
	if err != nil || len(trees) == 0 {
		t.Fatalf("no tree of web-base: %v", err)
	}
	s.LXC = filepath.Join(s.Dir, "lxc") // what is kept for other tests stays
	template := filepath.Join(s.Dir, "template")
	ids := filepath.Join(s.Dir, "ids")
	s.write(template, fmt.Sprintf(copyTemplate, trees[0]))
	s.write(ids, fmt.Sprintf("root:%d:65536\n", first))
	s.write(s.config, fmt.Sprintf(unprivileged, filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "run"), s.Host, s.LXC, template))
	for name, mode := range map[string]os.FileMode{template: 0o755, s.Dir: 0o711} { // root of a guest has to come past the folder
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	script := `for file in /etc/subuid /etc/subgid; do [ ! -e $file ] || mount --bind "$0" $file || exit; done`
	if out, err := s.VM(s.ctx, "sh", "-c", script, ids).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return s, first
}

// savePage makes a version of page, and front if that is not there.
func (s *system) savePage(version int) {
	s.t.Helper()
	for service, serves := range map[string]string{"page": "root /page", "front": "proxy_pass http://page:8080"} {
		folder := filepath.Join(s.Share, "volume-"+service)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			s.t.Fatal(err)
		}
		s.write(filepath.Join(folder, "nginx.conf"), fmt.Sprintf(nginxConfig, serves))
	}
	s.write(filepath.Join(s.Share, "volume-page", "api"), fmt.Sprintf("{\"service\":\"page\",\"version\":\"%d\"}\n", version))
}

// served says whether the laptop is given that version of page.
func (s *system) served(version int) bool {
	a, err := s.get(s.Client(false), "/api")
	return err == nil && a.Version == strconv.Itoa(version)
}

// TestUnprivilegedGuests runs services whose root is nobody outside through all
// that becomes of a service.
func TestUnprivilegedGuests(t *testing.T) {
	s, first := newUnprivileged(t)
	if out, code := s.verb("provision"); code != 0 {
		t.Fatalf("provision exits with %d: %s", code, out)
	}
	s.savePage(1)
	s.sub("init writes it where the machine can do it", func(t *testing.T) {
		out, err := s.VM(s.ctx, s.program, "init", s.Host, "-o", "-").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "\nprivileged   = false") {
			t.Errorf("%v: %s", err, out)
		}
	})
	s.run()
	s.agent.await(0, "live", "front")
	s.settled()
	clients := s.startTraffic("/api")
	before := s.inventory()
	s.invariant(before)

	s.sub("root inside is nobody outside", func(t *testing.T) { s.nobodyTest(t, first) })

	s.sub("one changed file redeploys one service", func(t *testing.T) {
		live := s.live()
		s.savePage(2)
		s.agent.eventually("the new page is served", func() bool { return s.served(2) })
		s.invariant(before)
		if got := differing(live, s.live()); !slices.Equal(got, []string{"page"}) {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("one that is never healthy is kept, and its processes have ended when they were asked", func(t *testing.T) {
		from, config := s.agent.now(), filepath.Join(s.Share, "volume-page", "nginx.conf")
		s.write(config, strings.Replace(s.readAt(config), "8080", "8081", 1))
		failed := s.agent.await(from, "failed", "page")
		s.invariantBut(before, "page")
		ended := filepath.Join(s.Dir, "state/logs/page", strings.TrimPrefix(failed.Generation, "page-"), "reports/exit")
		if how := s.readAt(ended); how != "success exited 0\n" {
			t.Errorf("its service ended so: %s", how)
		}
		if out, code := s.enterAny("page", "--failed", "--", "sh", "-c", "cat /etc/hostname; grep -o 'listen [0-9]*' /page/nginx.conf; stat -c %u /page"); code != 0 || out != failed.Generation+"\nlisten 8081\n0\n" {
			t.Errorf("to look inside exits with %d: %s", code, out)
		}
		s.savePage(3)
		s.agent.eventually("the new page is served", func() bool { return s.served(3) })
		s.invariant(before)
	})

	s.sub("the next agent takes over what is live", func(t *testing.T) {
		live := s.live()
		s.agent.kill()
		s.run()
		s.agent.await(0, "adopted", "front")
		s.invariant(before)
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})
	clients.stop(t)

	s.sub("a container that was ended is started again", func(t *testing.T) {
		from, live := s.agent.now(), s.live()["page"]
		if out, err := s.VM(s.ctx, "lxc-stop", "-k", "-P", s.LXC, "-n", live).CombinedOutput(); err != nil {
			t.Fatalf("stop %s: %v: %s", live, err, out)
		}
		s.agent.await(from, "restarted", "page")
		s.agent.eventually("it serves again", func() bool { return s.served(3) })
		s.invariant(before)
		s.nobodyTest(t, first)
	})

	s.sub("clean leaves nothing", func(t *testing.T) {
		if code := s.agent.stop(); code != 0 {
			t.Errorf("the agent left with %d", code)
		}
		if out, code := s.verb("clean", "--bases"); code != 0 {
			t.Fatalf("clean exits with %d: %s", code, out)
		}
		if left, err := os.ReadDir(s.LXC); err != nil || len(left) > 0 {
			t.Errorf("left are %v, %v", left, err)
		}
	})
}

// nobodyTest looks at the live generation of page from both sides.
func (s *system) nobodyTest(t *testing.T, first int) {
	t.Helper()
	page := s.live()["page"]
	inside := func(script string) string {
		t.Helper()
		out, err := s.VM(s.ctx, "lxc-attach", "-P", s.LXC, "-n", page, "--", "sh", "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", script, err, out)
		}
		return string(out)
	}
	// A file of the host's root, where the guest can see it.
	reports := filepath.Join(s.Dir, "state/logs/page", strings.TrimPrefix(page, "page-"), "reports")
	secret := filepath.Join(reports, "secret")
	s.write(secret, "secret\n")
	if err := os.Chmod(secret, 0o600); err != nil {
		t.Fatal(err)
	}
	seen := guest.Reports + "/secret"
	got := inside("id -u; stat -c %u " + seen + "; cat " + seen + " 2>/dev/null || echo no; echo theirs >" + guest.Reports + "/theirs")
	if got != "0\n65534\nno\n" {
		t.Errorf("root inside says %q", got)
	}
	if err := os.Remove(secret); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]int{
		filepath.Join(reports, "theirs"): first,
		filepath.Join(reports, "out"):    first,
		filepath.Join(s.LXC, page):       0, // its configuration decides what root does
	} {
		if info, err := os.Stat(name); err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != want {
			t.Errorf("%s: %v; want one of user %d", name, err, want)
		}
	}
	out, err := s.VM(s.ctx, "lxc-info", "-P", s.LXC, "-n", page, "-p", "-H").Output()
	if err != nil {
		t.Fatal(err)
	}
	init := strings.TrimSpace(string(out))
	if got := strings.Fields(s.readAt("/proc/" + init + "/uid_map")); strings.Join(got, " ") != fmt.Sprintf("0 %d 65536", first) {
		t.Errorf("its users are %q", got)
	}
	if info, err := os.Stat("/proc/" + init + "/root/page/api"); err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != first {
		t.Errorf("what was installed: %v; want it to be user %d's", err, first)
	}
}
