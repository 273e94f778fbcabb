package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var sample = []string{"authentication", "authorisation", "frontend", "person", "session", "web"}

// up builds the example and waits until all of it is live and answers.
func (s *system) up() {
	s.t.Helper()
	s.gradle("buildJar")
	s.run()
	for _, service := range sample {
		s.agent.await(0, "live", service)
	}
	a, err := s.get(s.Client(false), "/api")
	if err != nil {
		s.t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(a.versions())); !slices.Equal(got, []string{"authorisation", "frontend", "person"}) {
		s.t.Fatalf("a request to /api went through %v", got)
	}
	s.settled()
}

// settled waits until each service has exactly one live generation, with its
// standby, and nothing else.
func (s *system) settled() { s.settledBut("") }

// settledBut is settled, but for one service of which other artefacts than the
// newest are live. If those have failed, one generation of it may be kept.
func (s *system) settledBut(pinned string) {
	s.t.Helper()
	s.agent.eventually("one live generation and one standby a service", func() bool {
		generations := s.generations()
		for _, status := range s.status().Services {
			want := []string{status.Generation}
			if status.Standby != "" {
				want = append(want, status.Standby)
			}
			if status.Failed != "" && status.State != "live" {
				want = append(want, status.Failed)
			}
			slices.Sort(want)
			if halfDone, err := filepath.Glob(filepath.Join(s.LXC, ".jarloop-*")); err != nil || len(halfDone) > 0 {
				return false // its folder is coming or going
			}
			got := slices.Sorted(slices.Values(generations[status.Service]))
			if status.State != "live" && status.Service != pinned || status.Standby == "" || !slices.Equal(got, want) {
				return false
			}
		}
		return true
	})
}

// live gives the live generation of each service.
func (s *system) live() map[string]string {
	s.t.Helper()
	live := map[string]string{}
	for _, status := range s.status().Services {
		live[status.Service] = status.Generation
	}
	return live
}

// hosts gives the hosts files of the live generations.
func (s *system) hosts() map[string]string {
	s.t.Helper()
	hosts := map[string]string{}
	for service, name := range s.live() {
		out, err := s.VM(s.ctx, "lxc-attach", "-P", s.LXC, "-n", name, "--", "cat", "/etc/hosts").Output()
		if err != nil {
			s.t.Fatalf("hosts of %s: %v", name, err)
		}
		hosts[service] = string(out)
	}
	return hosts
}

// differing gives the keys whose values differ.
func differing(a, b map[string]string) []string {
	var keys []string
	for k := range a {
		if a[k] != b[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

const personSource = "person/src/main/java/jarloop/example/person/PersonApplication.java"

func TestTheSampleSystem(t *testing.T) {
	s := newSystem(t, true)
	s.up()
	if choice := s.status().Watching; !strings.Contains(choice, "poll") || !strings.Contains(choice, "fuse") {
		t.Errorf("the agent says of the share: %s", choice)
	}
	clients := s.startTraffic("/api")
	before := s.inventory()
	s.invariant(before)

	s.sub("one changed source file redeploys one service", func(t *testing.T) {
		live, hosts := s.live(), s.hosts()
		before, err := s.get(s.Client(false), "/api")
		if err != nil {
			t.Fatal(err)
		}
		from := s.agent.now()
		s.appendTo(personSource, "\n// changed\n")
		s.gradle("buildJar")
		s.agent.await(from, "live", "person")
		s.agent.await(from, "retired", "person")
		s.settled()
		after, err := s.get(s.Client(false), "/api")
		if err != nil {
			t.Fatal(err)
		}
		if got := differing(before.versions(), after.versions()); !slices.Equal(got, []string{"person"}) {
			t.Errorf("new versions of %v; before %v, after %v", got, before, after)
		}
		if got := differing(live, s.live()); !slices.Equal(got, []string{"person"}) {
			t.Errorf("new generations of %v", got)
		}
		if got := differing(hosts, s.hosts()); len(got) > 0 {
			t.Errorf("new hosts files of %v, though names lead to fixed addresses", got)
		}
	})

	s.sub("a rebuild that changes nothing deploys nothing", func(t *testing.T) {
		from := s.agent.now()
		later := time.Now().Add(time.Hour)
		for _, jar := range s.jars() {
			if err := os.Chtimes(jar, later, later); err != nil {
				t.Fatal(err)
			}
		}
		s.gradle("buildJar")
		s.quiet(from)
	})

	s.sub("a JAR whose main throws is no harm", func(t *testing.T) {
		live, from := s.live(), s.agent.now()
		source := s.read(personSource)
		s.edit(personSource, map[string]string{
			"public static void main(String[] args) {": "public static void main(String[] args) {\n        if (true) throw new IllegalStateException(\"thrown on purpose\");",
		})
		s.gradle(":person:buildJar")
		failed := s.agent.await(from, "failed", "person")
		if failed.Step != "prove" || failed.Serving != live["person"] || !strings.Contains(failed.Reason, "status 1") {
			t.Errorf("the agent said %s", failed.text)
		}
		tail := strings.Join(failed.Tail, "\n")
		if !strings.Contains(tail, "IllegalStateException: thrown on purpose") || !strings.Contains(tail, "PersonApplication.main(PersonApplication.java:") {
			t.Errorf("the stack trace is not whole: %s", tail)
		}
		thrown := s.agent.said(from, func(l logLine) bool {
			return l.Service == "person" && strings.Contains(l.Message, "thrown on purpose")
		})
		if len(thrown) == 0 {
			t.Error("the trace is not among the lines of the service")
		}
		ended, err := os.Stat(filepath.Join(s.Dir, "state/logs/person", strings.TrimPrefix(failed.Generation, "person-"), "reports/exit"))
		if err != nil {
			t.Fatal(err)
		}
		if late := failed.at.Sub(ended.ModTime()); late > time.Second {
			t.Errorf("the trace came %s after the death", late)
		}
		status := s.status()
		for _, service := range status.Services {
			if service.Service == "person" && (service.State != "failed" || service.Generation != live["person"] || !strings.Contains(service.Newest.Reason, "status 1")) {
				t.Errorf("status: %+v", service)
			}
		}
		if out, code := s.verb("status"); code != 1 || !strings.Contains(out, "failed") {
			t.Errorf("status exits with %d: %s", code, out)
		}
		logs, err := filepath.Glob(filepath.Join(s.Dir, "state/logs/person/*/reports/out"))
		if err != nil || !anyContains(t, logs, "thrown on purpose") {
			t.Errorf("the candidate's log is gone: %v", logs)
		}
		number := strings.TrimPrefix(failed.Generation, "person-")
		if out, code := s.verb("logs", "--generation", number, "person"); code != 0 || !strings.Contains(out, "thrown on purpose") {
			t.Errorf("its logs exit with %d: %s", code, out)
		}
		s.keptTest(before, failed.Generation)
		s.write(filepath.Join(s.example, personSource), source)
		s.gradle(":person:buildJar")
		s.settled()
		s.invariant(before)
	})

	s.sub("a JAR for a newer Java is no harm", func(t *testing.T) {
		live, from := s.live(), s.agent.now()
		jar := filepath.Join(s.Share, "volume-person", "PersonApplication.jar")
		whole := s.readAt(jar)
		s.write(jar, forNewerJava(t, whole))
		failed := s.agent.await(from, "failed", "person")
		if failed.Step != "prove" || failed.Serving != live["person"] || !strings.Contains(failed.Reason, "status 1") ||
			!strings.Contains(strings.Join(failed.Tail, "\n"), "UnsupportedClassVersionError") {
			t.Errorf("the agent said %s", failed.text)
		}
		from = s.agent.now()
		s.write(jar, whole)
		s.agent.await(from, "unchanged", "person")
		s.settled()
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("half a JAR is not deployed, nor one that is being written", func(t *testing.T) {
		jar := filepath.Join(s.Share, "volume-session", "SessionApplication.jar")
		whole, err := os.ReadFile(s.otherJAR("session"))
		if err != nil {
			t.Fatal(err)
		}
		from := s.agent.now()
		if err := os.WriteFile(jar, whole[:len(whole)/2], 0o644); err != nil {
			t.Fatal(err)
		}
		s.agent.await(from, "refused", "session")
		from = s.agent.now()
		f, err := os.Create(jar)
		if err != nil {
			t.Fatal(err)
		}
		// The writer's pace is the point here: pauses of a second and more.
		for i, part := range chunks(whole, 5) {
			if i > 0 {
				time.Sleep(1200 * time.Millisecond)
			}
			if _, err := f.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if early := s.agent.said(from, isDeploy("session")); len(early) > 0 {
			t.Errorf("deployed before it was whole: %s", early[0].text)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		s.agent.await(from, "live", "session")
		s.settled()
		if all := s.agent.said(from, isDeploy("session")); len(all) != 1 {
			t.Errorf("%d deploys of one JAR", len(all))
		}
	})

	s.sub("an earlier set can be had back, and stays until new bytes come", func(t *testing.T) {
		bad := s.otherJAR("session")
		from := s.agent.now()
		s.write(filepath.Join(s.Share, "volume-session", "SessionApplication.jar"), s.readAt(bad))
		s.agent.await(from, "live", "session")
		s.settled()
		if out, code := s.verb("rollback", "session"); code != 0 || !strings.Contains(out, "session: live: session-") {
			t.Fatalf("rollback exits with %d: %s", code, out)
		}
		back := s.live()["session"]
		if out, code := s.verb("status"); code != 1 || !strings.Contains(out, "pinned: rolled back to") {
			t.Errorf("status exits with %d: %s", code, out)
		}
		out, code := s.verb("history", "session")
		if code != 0 || strings.Count(out, "yes") < 2 || !strings.Contains(out, "rolled back to") {
			t.Errorf("history exits with %d: %s", code, out)
		}
		s.agent.kill()
		s.run()
		s.agent.await(0, "adopted", "session")
		s.settledBut("session")
		if got := s.live()["session"]; got != back {
			t.Errorf("a restart made %s live in place of %s", got, back)
		}
		from = s.agent.now()
		s.write(filepath.Join(s.Share, "volume-session", "SessionApplication.jar"), s.readAt(s.otherJAR("session")))
		s.agent.await(from, "live", "session")
		s.settled()
	})

	s.sub("a paused service waits until it goes on", func(t *testing.T) {
		before := s.live()["session"]
		if out, code := s.verb("pause", "session"); code != 0 {
			t.Fatalf("pause exits with %d: %s", code, out)
		}
		from := s.agent.now()
		s.write(filepath.Join(s.Share, "volume-session", "SessionApplication.jar"), s.readAt(s.otherJAR("session")))
		s.agent.eventually("the new set is known and waits", func() bool {
			return len(s.agent.said(from, func(l logLine) bool {
				return l.Service == "session" && strings.Contains(l.Message, "not deployed, paused")
			})) > 0
		})
		if got := s.live()["session"]; got != before {
			t.Errorf("%s is live in place of %s", got, before)
		}
		if out, code := s.verb("resume", "session"); code != 0 {
			t.Fatalf("resume exits with %d: %s", code, out)
		}
		s.agent.await(from, "live", "session")
		s.settled()
	})

	s.sub("killed while idle, the next agent takes over what is live", func(t *testing.T) {
		live := s.live()
		s.agent.kill()
		s.run()
		s.agent.await(0, "adopted", "web")
		s.invariant(before)
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("killed in mid-deploy, the next agent finishes the job", func(t *testing.T) {
		for i, moment := range []string{"deploying", "live"} {
			from := s.agent.now()
			s.appendTo(personSource, fmt.Sprintf("\n// killed %d\n", i))
			s.gradle(":person:buildJar")
			s.agent.await(from, moment, "person")
			s.agent.kill()
			s.run()
			s.agent.await(0, "adopted", "person")
			s.agent.eventually("person's newest artefacts are live", func() bool {
				return len(s.agent.said(0, func(l logLine) bool {
					return l.Service == "person" && (l.Message == "live" || l.Message == "unchanged" || l.Message == "same")
				})) > 0
			})
			s.invariant(before)
		}
	})
	clients.stop(t)

	s.sub("after a reboot what was live serves again, without a build", func(t *testing.T) {
		live := s.live()
		s.agent.kill()
		s.powerCut()
		if _, err := s.get(s.Client(false), "/api"); err == nil {
			t.Fatal("the machine still serves")
		}
		s.run()
		for _, service := range sample {
			s.agent.await(0, "adopted", service)
		}
		s.invariant(before)
		if _, err := s.get(s.Client(false), "/api"); err != nil {
			t.Error(err)
		}
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("a second agent leaves at once", func(t *testing.T) {
		live := s.live()
		out, code := s.verb("run")
		if code != 1 || !strings.Contains(out, "another jarloop is running") {
			t.Errorf("it left with %d: %s", code, out)
		}
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("clean removes what is ours and nothing else", func(t *testing.T) { s.cleanTest(t) })
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

func (s *system) cleanTest(t *testing.T) {
	foreign := filepath.Join(s.LXC, "foreign-1")
	if err := os.Mkdir(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(foreign, "config"), "lxc.uts.name = foreign\n")
	for _, rule := range [][]string{
		{"-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "9999", "-j", "REDIRECT", "--to-ports", "9998"},
		{"-A", "FORWARD", "-s", "192.0.2.9", "-j", "DROP"},
	} {
		if out, err := s.VM(s.ctx, append([]string{"iptables"}, rule...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s.agent.eventually("a foreign rule is left alone by the agent", func() bool { return strings.Contains(s.rules(), "9998") })
	if out, code := s.verb("clean"); code != 1 || !strings.Contains(out, "stop it first") {
		t.Errorf("clean under a running agent exits with %d: %s", code, out)
	}
	if code := s.agent.stop(); code != 0 {
		t.Errorf("the agent left with %d", code)
	}
	if out, code := s.verb("clean"); code != 0 {
		t.Fatalf("clean exits with %d: %s", code, out)
	}
	if left := s.generations(); len(left) != 1 || left["foreign"] == nil {
		t.Errorf("left are %v", left)
	}
	rules := s.rules()
	if strings.Contains(rules, "JARLOOP") || strings.Contains(rules, "jarloop") {
		t.Errorf("rules are left: %s", rules)
	}
	if !strings.Contains(rules, "--to-ports 9998") || !strings.Contains(rules, "192.0.2.9") {
		t.Errorf("foreign rules are gone: %s", rules)
	}
	for _, path := range []string{"state", "run"} {
		if _, err := os.Stat(filepath.Join(s.Dir, path)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	if text := s.readAt(filepath.Join(foreign, "config")); text != "lxc.uts.name = foreign\n" {
		t.Errorf("the foreign container's configuration is %q", text)
	}
	if veths := s.veths(); veths != 1 { // eth0, which leads to the laptop
		t.Errorf("%d veths are left", veths-1)
	}
	if left := s.monitored(); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
}

func TestTheSampleSystemOnInotify(t *testing.T) {
	s := newSystem(t, false)
	// And the other way of wiring.
	s.write(s.config, replace(t, s.configuration(), map[string]string{`"stable"  `: `"hosts"  `}))
	s.up()
	status := s.status()
	if !strings.Contains(status.Watching, "inotify") {
		t.Errorf("the agent says of the share: %s", status.Watching)
	}
	for _, service := range status.Services {
		if service.Memory < 1<<20 || service.Restarts != 0 {
			t.Errorf("%s holds %d bytes and was started %d times again", service.Service, service.Memory, service.Restarts)
		}
	}
	clients := s.startTraffic("/api")
	live, hosts, from := s.live(), s.hosts(), s.agent.now()
	s.appendTo(personSource, "\n// changed\n")
	s.gradle("buildJar")
	s.agent.await(from, "live", "person")
	s.settled()
	if got := differing(live, s.live()); !slices.Equal(got, []string{"person"}) {
		t.Errorf("new generations of %v", got)
	}
	out, code := s.verb("logs", "person")
	if first, second := strings.Index(out, live["person"]+" "), strings.Index(out, s.live()["person"]+" "); code != 0 || first < 0 || second < first {
		t.Errorf("logs of both generations exit with %d: %s", code, out)
	}
	// Those that call person.
	if got := differing(hosts, s.hosts()); !slices.Equal(got, []string{"frontend", "web"}) {
		t.Errorf("new hosts files of %v", got)
	}
	from = s.agent.now()
	for _, jar := range s.jars() {
		s.write(jar, s.readAt(jar)) // the same bytes, written once more
	}
	s.quiet(from)
	clients.stop(t)
}

// quiet makes sure that nothing that has happened by now leads to a deploy:
// all that comes after it is asked to be deployed, and only that is.
func (s *system) quiet(from int) {
	s.t.Helper()
	// Files settle and are looked at in order: what is asked of the agent now
	// is answered after what was changed before.
	before := s.live()
	if out, code := s.verb("deploy", "authorisation"); code != 0 {
		s.t.Fatalf("deploy exits with %d: %s", code, out)
	}
	s.settled()
	for _, l := range s.agent.said(from, func(l logLine) bool { return l.Message == "deploying" }) {
		if l.Service != "authorisation" {
			s.t.Errorf("deployed: %s", l.text)
		}
	}
	if got := differing(before, s.live()); !slices.Equal(got, []string{"authorisation"}) {
		s.t.Errorf("new generations of %v", got)
	}
}

func isDeploy(service string) func(logLine) bool {
	return func(l logLine) bool { return l.Message == "deploying" && l.Service == service }
}

func (s *system) appendTo(file, text string) {
	s.t.Helper()
	s.write(filepath.Join(s.example, file), s.read(file)+text)
}

func (s *system) read(file string) string { return s.readAt(filepath.Join(s.example, file)) }

func (s *system) readAt(path string) string {
	s.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// jars gives the artefacts on the laptop's side of the share.
func (s *system) jars() []string {
	jars, err := filepath.Glob(filepath.Join(s.Share, "*", "*.jar"))
	if err != nil || len(jars) != 5 {
		s.t.Fatalf("jars: %v, %v", jars, err)
	}
	return jars
}

// otherJAR builds another version of a service's JAR somewhere else.
func (s *system) otherJAR(service string) string {
	s.t.Helper()
	name := strings.ToUpper(service[:1]) + service[1:] + "Application"
	s.appendTo(filepath.Join(service, "src/main/java/jarloop/example", service, name+".java"), "\n// another\n")
	elsewhere := filepath.Join(s.Dir, "elsewhere")
	cmd := exec.CommandContext(s.ctx, "gradle", "--offline", "--no-daemon", "-q", "-Pshare="+elsewhere, ":"+service+":buildJar")
	cmd.Dir = s.example
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("gradle: %v: %s", err, out)
	}
	return filepath.Join(elsewhere, "volume-"+service, name+".jar")
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

func chunks(b []byte, n int) [][]byte {
	var parts [][]byte
	size := (len(b) + n - 1) / n
	for len(b) > 0 {
		k := min(size, len(b))
		parts = append(parts, b[:k])
		b = b[k:]
	}
	return parts
}
