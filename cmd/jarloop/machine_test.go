package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// faulty is a small system on a machine that is at fault now and then. Its
// containers are on a disk of their own.
type faulty struct {
	*system
	saved int // how often
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	disk := smallDisk(t)
	f := &faulty{system: newLab(t, false)}
	f.LXC = disk
	f.write(f.config, f.small("standby = false", `drain = "300ms"`))
	if err := os.MkdirAll(filepath.Join(f.Share, "volume-page"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.save()
	f.run()
	f.agent.await(0, "live", "page")
	return f
}

// save writes new artefacts.
func (f *faulty) save() {
	f.t.Helper()
	f.saved++
	f.write(filepath.Join(f.Share, "volume-page", "index.html"), fmt.Sprintf(`{"service":"page","version":"%d"}`, f.saved))
}

// left gives what is in the containers' folder, but for bases.
func (f *faulty) left() []string {
	f.t.Helper()
	entries, err := os.ReadDir(f.LXC)
	if err != nil {
		f.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "small-") && e.Name() != "lost+found" && e.Name() != "filling" {
			names = append(names, e.Name())
		}
	}
	return names
}

// deploy saves new artefacts and gives what the agent says of them in the end.
func (f *faulty) deploy() logLine {
	f.t.Helper()
	from := f.agent.now()
	f.save()
	var found []logLine
	f.agent.eventually("they are live, or have failed", func() bool {
		found = f.agent.said(from, func(l logLine) bool { return l.Message == "live" || l.Message == "failed" })
		return len(found) > 0
	})
	return found[0]
}

// goesOn checks that new artefacts go live, and that the generation before is
// removed.
func (f *faulty) goesOn() {
	f.t.Helper()
	before, from := f.live()["page"], f.agent.now()
	if l := f.deploy(); l.Message != "live" {
		f.t.Fatalf("the agent said %s", l.text)
	}
	f.serves(f.saved)
	if l := f.agent.await(from, "retired", "page"); l.Generation != before {
		f.t.Errorf("in place of %s is retired: %s", before, l.text)
	}
}

// holds checks that new artefacts are held back for a reason that has all these
// words: what was live serves, and nothing is left of the candidate.
func (f *faulty) holds(words ...string) {
	f.t.Helper()
	live, left, version := f.live()["page"], f.left(), f.version()
	f.held(f.deploy(), live, left, version, words...)
}

func (f *faulty) held(l logLine, live string, left []string, version string, words ...string) {
	f.t.Helper()
	if l.Message != "failed" || l.Serving != live {
		f.t.Fatalf("the agent said %s", l.text)
	}
	for _, word := range words {
		if !strings.Contains(strings.ToLower(l.Reason), strings.ToLower(word)) {
			f.t.Errorf("the reason lacks %q: %s", word, l.Reason)
		}
	}
	if now := f.left(); !slices.Equal(now, left) {
		f.t.Errorf("there were %q, and are %q", left, now)
	}
	f.agent.eventually("status says so", func() bool {
		s := f.status().Services
		return len(s) == 1 && s[0].State == "failed" && s[0].Newest.Reason == l.Reason && s[0].Generation == live
	})
	if now := f.version(); now != version {
		f.t.Errorf("version %s serves, and not %s", now, version)
	}
}

func (f *faulty) version() string {
	f.t.Helper()
	a, err := f.get(f.Client(false), "/")
	if err != nil {
		f.t.Fatal(err)
	}
	return a.Version
}

func (f *faulty) serves(version int) {
	f.t.Helper()
	if got := f.version(); got != fmt.Sprint(version) {
		f.t.Errorf("version %s serves, and not %d", got, version)
	}
}

// must runs a command on the VM.
func (f *faulty) must(argv ...string) {
	f.t.Helper()
	if out, err := f.VM(f.ctx, argv...).CombinedOutput(); err != nil {
		f.t.Fatalf("%q: %v: %s", argv, err, out)
	}
}

func (f *faulty) rename(from, to string) {
	f.t.Helper()
	if err := os.Rename(from, to); err != nil {
		f.t.Fatal(err)
	}
}

func TestAMachineAtFault(t *testing.T) {
	f := newFaulty(t)
	clients := f.startTraffic("/")

	f.sub("a base that is missing, runs or is broken", func(*testing.T) {
		found, err := filepath.Glob(filepath.Join(f.LXC, "small-*"))
		if err != nil || len(found) != 1 {
			t.Fatalf("bases: %q, %v", found, err)
		}
		base := found[0]
		f.rename(base, base+".away")
		f.holds("there is no base", "jarloop provision")
		f.rename(base+".away", base)
		f.must("lxc-start", "-P", f.LXC, "-n", filepath.Base(base))
		f.holds("the base is running: stop it with lxc-stop")
		f.must("lxc-stop", "-k", "-P", f.LXC, "-n", filepath.Base(base))
		f.rename(base+"/rootfs", base+"/away")
		f.holds("the base "+filepath.Base(base)+" is broken", "no such file or directory", "jarloop clean --bases")
		f.rename(base+"/away", base+"/rootfs")
		f.goesOn()
	})

	f.sub("somebody else's container by the next name", func(t *testing.T) {
		live := f.live()["page"]
		var number int
		if _, err := fmt.Sscanf(live, "page-%d", &number); err != nil {
			t.Fatal(err)
		}
		theirs := filepath.Join(f.LXC, fmt.Sprintf("page-%d", number+1))
		if err := os.Mkdir(theirs, 0o755); err != nil {
			t.Fatal(err)
		}
		f.write(filepath.Join(theirs, "config"), "lxc.uts.name = theirs\n")
		f.goesOn()
		if now := f.live()["page"]; now != fmt.Sprintf("page-%d", number+2) {
			t.Errorf("%s is live", now)
		}
		if text := f.readAt(filepath.Join(theirs, "config")); text != "lxc.uts.name = theirs\n" {
			t.Errorf("their configuration is %q", text)
		}
		if err := os.RemoveAll(theirs); err != nil {
			t.Fatal(err)
		}
	})

	f.sub("a stranger's addresses", f.strangerTest)
	f.sub("no room on the disk, at each step", f.fullTest)
	f.sub("a disk that is read-only", func(*testing.T) {
		f.must("mount", "--bind", f.LXC, f.LXC)
		f.must("mount", "-o", "remount,bind,ro", f.LXC)
		f.holds("read-only file system")
		f.must("umount", f.LXC)
		f.goesOn()
	})

	f.sub("somebody has something mounted in a container", func(t *testing.T) {
		old := f.live()["page"]
		at := filepath.Join(f.LXC, old, "rootfs")
		f.must("mount", "-t", "tmpfs", "jlt-busy", at)
		from := f.agent.now()
		if l := f.deploy(); l.Message != "live" {
			t.Fatalf("the agent said %s", l.text)
		}
		f.agent.eventually("it is listed", func() bool {
			out, _ := f.verb("status")
			return strings.Contains(out, old+" cannot be removed yet: ") && strings.Contains(out, "something is mounted at "+at)
		})
		f.must("umount", at)
		f.agent.await(from, "retired", "page")
		if left := f.left(); len(left) != 2 { // what is live, and the folder of shared files
			t.Errorf("left are %q", left)
		}
	})
	clients.stop(t)

	f.sub("a service that does not heed, and a client that stays", f.drainTest)
	if code := f.agent.stop(); code != 0 {
		t.Errorf("the agent left with %d", code)
	}
	if out, code := f.verb("clean", "--bases"); code != 0 {
		t.Errorf("clean exits with %d: %s", code, out)
	}
	if left := f.left(); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}

// strangerTest has somebody on the bridge whose addresses nobody has leased to
// them, and who has the next ones.
func (f *faulty) strangerTest(t *testing.T) {
	stranger := f.VM(f.ctx, "unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat")
	stdin, err := stranger.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := stranger.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); _ = stranger.Wait() }()
	if _, err := stdout.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(f.address("page"))
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]bool{}
	batch := ""
	for addr := netip.MustParseAddr(host).Next(); len(theirs) < 20; addr = addr.Next() {
		theirs[addr.String()] = true
		batch += "ip addr add " + addr.String() + "/24 dev eth0\n"
	}
	pid := fmt.Sprint(stranger.Process.Pid)
	f.must("ip", "link", "add", "stranger", "type", "veth", "peer", "name", "eth0", "netns", pid)
	f.must("ip", "link", "set", "stranger", "master", "lxcbr0", "up")
	f.must("nsenter", "--target", pid, "--net", "sh", "-ec", batch+"ip link set eth0 up")
	f.goesOn()
	if host, _, _ := net.SplitHostPort(f.address("page")); theirs[host] {
		t.Errorf("page is at %s, which is a stranger's", host)
	}
}
