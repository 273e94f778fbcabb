package doctor

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/watcher"
)

// fake is a machine that is well: each test spoils what it is about.
type fake struct {
	version    string
	bridge     netip.Prefix
	bridgeErr  error
	first      string
	last       string
	auto       string
	addresses  map[string]netip.Addr
	rules      Rules
	space      Space
	shares     bool
	sharesErr  error
	containers map[string]int
	there      bool
	baseErr    error
	leftOver   []string
	leftErr    error
	mode       watcher.Mode
	shareErr   error
	started    []string
	cluster    Cluster
	clusterErr error
}

func (f *fake) Liblxc() (string, error) {
	if f.version == "" {
		return "", errors.New("built without liblxc")
	}
	return f.version, nil
}

func (f *fake) Range() (bridge netip.Prefix, first, last netip.Addr, err error) {
	return f.bridge, netip.MustParseAddr(f.first), netip.MustParseAddr(f.last), f.bridgeErr
}
func (f *fake) Address(name string) netip.Addr { return f.addresses[name] }

func (f *fake) Interfaces() (auto string, there []string, err error) {
	return f.auto, []string{"lo", "eth0", "lxcbr0"}, nil
}
func (f *fake) Rules(context.Context, netip.Prefix) (Rules, error) { return f.rules, nil }
func (f *fake) Space(string) (Space, error)                        { return f.space, nil }
func (f *fake) Shares(string) (bool, error)                        { return f.shares, f.sharesErr }
func (f *fake) Containers(context.Context) (map[string]int, error) { return f.containers, nil }
func (f *fake) Base(_ context.Context, b config.Base) (string, bool, error) {
	return b.Name + "-1", f.there, f.baseErr
}
func (f *fake) Cluster(context.Context) (Cluster, error)   { return f.cluster, f.clusterErr }
func (f *fake) LeftOver(context.Context) ([]string, error) { return f.leftOver, f.leftErr }
func (f *fake) Share() (watcher.Mode, string, error) {
	return f.mode, "/host is ext4", f.shareErr
}

func (f *fake) Start(_ context.Context, unit string) error {
	f.started = append(f.started, unit)
	f.bridgeErr, f.bridge = nil, netip.MustParsePrefix("10.0.3.1/24")
	return nil
}

// well gives a machine that has nothing wrong, and what it is made of.
func well(t *testing.T) (*Machine, *fake) {
	t.Helper()
	dir := t.TempDir()
	m := &Machine{Root: filepath.Join(dir, "root")}
	for name, text := range map[string]string{
		"/proc/sys/kernel/osrelease":              "6.1.0\n",
		"/proc/sys/user/max_user_namespaces":      "15000\n",
		"/proc/sys/net/ipv4/ip_forward":           "1\n",
		"/proc/sys/fs/inotify/max_user_instances": "512\n",
		"/proc/sys/fs/inotify/max_user_watches":   "524288\n",
		"/proc/filesystems":                       "nodev\toverlay\n\text4\n",
		"/sys/module/bridge/refcnt":               "1\n",
		"/lib/modules/6.1.0/modules.dep":          "kernel/drivers/net/veth.ko.xz:\n",
		"/proc/net/tcp":                           "  sl  local_address\n" + socket("0100007F:0016", "4"),
		"/proc/self/ns/cgroup":                    "", "/proc/self/ns/ipc": "", "/proc/self/ns/mnt": "",
		"/proc/self/ns/net": "", "/proc/self/ns/pid": "", "/proc/self/ns/uts": "", "/proc/self/ns/user": "",
	} {
		put(t, m, name, text)
	}
	share := filepath.Join(dir, "host")
	for _, folder := range []string{"state", "run", "host", "lxc"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	m.Config = &config.Config{
		State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run"),
		Watch:     config.Watch{Dir: share, Mode: config.ModeAuto},
		LXC:       config.LXC{Path: filepath.Join(dir, "lxc"), Backing: config.BackingAuto, Bridge: "lxcbr0", Address: config.AddressStatic},
		Bases:     []config.Base{{Name: "service-base", Template: "busybox", Privileged: true}},
		Services:  []config.Service{{Name: "web", Base: "service-base", Port: 8080}},
		Publishes: []config.Publish{{Interface: "eth0", Port: 80, Protocol: "tcp", Service: "web"}},
	}
	f := &fake{
		version: "5.0.2", auto: "eth0", bridge: netip.MustParsePrefix("10.0.3.1/24"), first: "10.0.3.128", last: "10.0.3.253",
		space: Space{Bytes: 100 << 30, Inodes: 1 << 20, Free: 1 << 20}, there: true, mode: watcher.Inotify, addresses: map[string]netip.Addr{"eth0": netip.MustParseAddr("10.0.4.2")},
	}
	m.Probe = f
	return m, f
}

// socket is a line of /proc/net/tcp, of one that listens.
func socket(at, inode string) string { return socketIn(at, inode, "0A") }

func socketIn(at, inode, state string) string {
	return "   0: " + at + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000     0        0 " + inode + " 1 0 100 0 0 10 0\n"
}

func put(t *testing.T, m *Machine, name, text string) {
	t.Helper()
	file := m.path(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAMachineThatIsWellHasNothingToRepair(t *testing.T) {
	m, _ := well(t)
	seen := map[string]bool{}
	for _, f := range Examine(t.Context(), m) {
		if f.State != OK || f.Found == "" {
			t.Errorf("%s: %s: %q", f.Check, f.State, f.Found)
		}
		if seen[f.Check] {
			t.Errorf("%s is there twice", f.Check)
		}
		seen[f.Check] = true
	}
	if len(seen) < len(all) {
		t.Errorf("%d rows of %d checks", len(seen), len(all))
	}
	if err := Preflight(t.Context(), m, func(text string) { t.Errorf("run warns: %s", text) }); err != nil {
		t.Errorf("run stops: %v", err)
	}
}

// find gives the finding of a check that is not as it should be.
func find(t *testing.T, findings []Finding, name string) Finding {
	t.Helper()
	for _, f := range findings {
		if f.Check == name {
			return f
		}
	}
	t.Fatalf("no check %q in %v", name, findings)
	return Finding{}
}

func TestWhatFailsStopsRunInTheSameWords(t *testing.T) {
	m, f := well(t)
	m.User, f.version = 1000, ""
	f.bridge, f.bridgeErr = netip.Prefix{}, errors.New("look for bridge lxcbr0: no such network interface")
	put(t, m, "/proc/net/tcp6", socket("00000000000000000000000000000000:0050", "17"))
	put(t, m, "/proc/sys/fs/inotify/max_user_instances", "16\n")
	var warned []string
	err := Preflight(t.Context(), m, func(text string) { warned = append(warned, text) })
	if err == nil {
		t.Fatal("run goes on")
	}
	findings := Examine(t.Context(), m)
	few := find(t, findings, "inotify.max_user_instances")
	if want := few.Found + ": " + few.Remedy; few.State != Warning || !slices.Equal(warned, []string{want}) {
		t.Errorf("doctor says %q, run warns %q", want, warned)
	}
	for _, name := range []string{"root", "liblxc", "bridge", "port 80"} {
		d := find(t, findings, name)
		if d.State != Failed || !strings.Contains(err.Error(), d.Found) || !strings.Contains(err.Error(), d.Remedy) {
			t.Errorf("doctor says %q, run %q", d.Err(), err)
		}
	}
}

func TestRepairDoesWhatIsSafeAndSaysIt(t *testing.T) {
	m, f := well(t)
	put(t, m, "/proc/sys/net/ipv4/ip_forward", "0\n")
	put(t, m, "/proc/sys/fs/inotify/max_user_instances", "16\n")
	put(t, m, "/run/systemd/system/x", "")
	put(t, m, "/proc/net/tcp", socket("00000000:0050", "17")) // not ours to repair
	if err := os.Remove(m.Config.State); err != nil {
		t.Fatal(err)
	}
	f.bridge, f.bridgeErr = netip.Prefix{}, errors.New("look for bridge lxcbr0: no such network interface")
	findings, err := Repair(t.Context(), m, Examine(t.Context(), m))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ip_forward", "inotify.max_user_instances", "folder " + m.Config.State, "bridge"} {
		if d := find(t, findings, name); d.State != OK || d.Repaired == "" {
			t.Errorf("%s: %s: %s (repaired: %q)", d.Check, d.State, d.Found, d.Repaired)
		}
	}
	if d := find(t, findings, "port 80"); d.State != Failed || d.Repaired != "" {
		t.Errorf("%s: %s (repaired: %q)", d.Check, d.State, d.Repaired)
	}
	if info, err := os.Stat(m.Config.State); err != nil || info.Mode().Perm() != StateMode {
		t.Errorf("the folder that was made: %v, %v", info, err)
	}
	if len(f.started) != 1 || f.started[0] != "lxc-net" {
		t.Errorf("started %q", f.started)
	}
}

func TestWhatCannotBeRepairedIsSaid(t *testing.T) {
	m, _ := well(t)
	put(t, m, "/proc/sys/net/ipv4/ip_forward", "0\n")
	findings := Examine(t.Context(), m)
	if err := os.RemoveAll(m.path("/proc/sys/net")); err != nil {
		t.Fatal(err)
	}
	findings, err := Repair(t.Context(), m, findings)
	if err == nil || !strings.Contains(err.Error(), "repair ip_forward") {
		t.Errorf("error %v", err)
	}
	if d := find(t, findings, "ip_forward"); d.State != Warning || d.Repaired != "" {
		t.Errorf("%s (repaired: %q)", d.State, d.Repaired)
	}
}

func TestAnInterfaceThatIsNotThereIsWrongUsage(t *testing.T) {
	m, f := well(t)
	for name, want := range map[string]int{"enp0s9": exit.Usage, "auto": exit.Failed, "eth0": exit.Done} {
		m.Config.Publishes[0].Interface, f.auto = name, ""
		err := Preflight(t.Context(), m, func(string) {})
		if got := exit.Status(err); got != want || want != exit.Done && !strings.Contains(err.Error(), "eth0") {
			t.Errorf("%s: status %d, want %d: %v", name, got, want, err)
		}
	}
}
