package doctor

import (
	"compress/gzip"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/network"
	"github.com/jarloop/jarloop/watcher"
)

func TestEachThingThatIsWrongHasItsRowAndRemedy(t *testing.T) {
	remove := func(name string) func(*testing.T, *Machine, *fake) {
		return func(t *testing.T, m *Machine, _ *fake) {
			if err := os.RemoveAll(m.path(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(name, text string) func(*testing.T, *Machine, *fake) {
		return func(t *testing.T, m *Machine, _ *fake) { put(t, m, name, text) }
	}
	for _, test := range []struct {
		name   string
		spoil  func(*testing.T, *Machine, *fake)
		check  string
		state  State
		found  string
		remedy string
	}{
		{"no root", func(_ *testing.T, m *Machine, _ *fake) { m.User = 1000 }, "root", Failed, "need root", "sudo"},
		{"no overlay, as far as one can see", remove("/proc/filesystems"), "kernel overlay", Warning, "neither loaded", "sudo modprobe overlay"},
		{"a kernel without veth", func(t *testing.T, m *Machine, _ *fake) {
			remove("/lib/modules")(t, m, nil)
			packed(t, m, "CONFIG_BRIDGE=y\n# CONFIG_VETH is not set\n")
		}, "kernel veth", Failed, "built without it", "linux-image"},
		{"veth as a module of another kernel", func(t *testing.T, m *Machine, _ *fake) {
			put(t, m, "/proc/sys/kernel/osrelease", "6.2.0\n")
			put(t, m, "/boot/config-6.2.0", "CONFIG_VETH=m\n")
		}, "kernel veth", Warning, "neither loaded", "sudo modprobe veth"},
		{"veth built in", func(t *testing.T, m *Machine, _ *fake) {
			remove("/lib/modules")(t, m, nil)
			packed(t, m, "CONFIG_VETH=y\n")
		}, "kernel veth", OK, "built in", ""},
		{"no overlay, and no need of it", func(t *testing.T, m *Machine, _ *fake) {
			remove("/proc/filesystems")(t, m, nil)
			m.Config.LXC.Backing = config.BackingDir
		}, "kernel overlay", OK, "not needed", ""},
		{"no network namespaces", remove("/proc/self/ns/net"), "namespaces", Failed, "none of: net", "linux-image"},
		{"no user namespaces", write("/proc/sys/user/max_user_namespaces", "0\n"), "user namespaces", Warning, "turned off; privileged containers", "sudo sysctl -w user.max_user_namespaces="},
		{"no user namespaces for a base that wants them", func(t *testing.T, m *Machine, _ *fake) {
			m.Config.Bases[0].Privileged = false
			put(t, m, "/proc/sys/user/max_user_namespaces", "0\n")
		}, "user namespaces", Failed, "turned off, and the containers of service-base, which are not privileged", "sudo sysctl -w user.max_user_namespaces="},
		{"no liblxc", func(_ *testing.T, _ *Machine, f *fake) { f.version = "" }, "liblxc", Failed, "without liblxc", ""},
		{"an old liblxc", func(_ *testing.T, _ *Machine, f *fake) { f.version = "4.0.12" }, "liblxc", Warning, "4.0.12, older", "apt-get install lxc"},
		{"a new liblxc", func(_ *testing.T, _ *Machine, f *fake) { f.version = "6.0.0-devel" }, "liblxc", OK, "6.0.0", ""},
		{"no bridge", func(_ *testing.T, _ *Machine, f *fake) {
			f.bridge, f.bridgeErr = netip.Prefix{}, errors.New("look for bridge lxcbr0: no such network interface")
		}, "bridge", Failed, "look for bridge lxcbr0", "sudo systemctl start lxc-net"},
		{"a range in another subnet", func(_ *testing.T, _ *Machine, f *fake) {
			f.bridgeErr = errors.New("lxc.range 10.9.9.2-10.9.9.9: cannot be used")
		}, "bridge", Failed, "lxc.range", ""},
		{"another subnet than LXC's configuration says", write(lxcNet, "LXC_ADDR=\"10.0.9.1\"\n"), "bridge", Warning, "says 10.0.9.1", "restart lxc-net"},
		{"ip_forward off", write("/proc/sys/net/ipv4/ip_forward", "0\n"), "ip_forward", Warning, "off", "sudo sysctl -w net.ipv4.ip_forward=1"},
		{"a foreign DNAT", func(_ *testing.T, _ *Machine, f *fake) {
			f.rules.Conflicts = []string{"a rule of somebody else may lead port 80 elsewhere: iptables -t nat -A DOCKER -p tcp -j DNAT"}
		}, "iptables nat", Warning, "port 80", "sudo iptables -t nat -D DOCKER -p tcp -j DNAT"},
		{"both variants of iptables", func(_ *testing.T, _ *Machine, f *fake) { f.rules.Backends = "rules in both" }, "iptables variants", Warning, "both", "iptables-legacy-save"},
		{"a policy in the way", func(_ *testing.T, _ *Machine, f *fake) {
			f.rules.Obstacles = []network.Obstacle{{Found: "FORWARD drops", Remedy: "sudo ufw route allow in on lxcbr0"}}
		}, "firewall", Warning, "FORWARD drops", "sudo ufw"},
		{"a DHCP range that meets ours", write("/proc/77/cmdline", "dnsmasq\x00--interface=lxcbr0\x00--dhcp-range\x0010.0.3.2,10.0.3.254\x00"),
			"addresses", Warning, "leases 10.0.3.2-10.0.3.254", `LXC_DHCP_RANGE="10.0.3.2,10.0.3.127"`},
		{"a DHCP range beside ours", write("/proc/77/cmdline", "/usr/sbin/dnsmasq\x00--interface=lxcbr0\x00--dhcp-range=10.0.3.2,10.0.3.99\x00"),
			"addresses", OK, "10.0.3.2-10.0.3.99 the bridge's", ""},
		{"a DHCP range of another bridge", write("/proc/77/cmdline", "dnsmasq\x00--interface=virbr0\x00--dhcp-range=10.0.3.2,10.0.3.254\x00"),
			"addresses", OK, "ours alone", ""},
		{"little space", func(_ *testing.T, _ *Machine, f *fake) { f.space.Bytes = 1 << 30 }, "space LXC", Warning, "too little", "du -xh"},
		{"no space", func(_ *testing.T, _ *Machine, f *fake) { f.space.Bytes = 1 << 20 }, "space STATE", Failed, "1.0 MB free", "du -xh"},
		{"no inodes", func(_ *testing.T, _ *Machine, f *fake) { f.space.Free = 10 }, "space LXC", Failed, "10 inodes", "du -xh"},
		{"a filesystem that counts no inodes", func(_ *testing.T, _ *Machine, f *fake) { f.space.Inodes, f.space.Free = 0, 0 }, "space LXC", OK, "free", ""},
		{"few watches", write("/proc/sys/fs/inotify/max_user_watches", "100\n"), "inotify.max_user_watches", Warning, "100", "sudo sysctl -w fs.inotify.max_user_watches=524288"},
		{"few instances", write("/proc/sys/fs/inotify/max_user_instances", "43\n"), "inotify.max_user_instances", Warning, "43, which guests and the watcher share", "sudo sysctl -w fs.inotify.max_user_instances=512"},
		{"inotify where it is blind", func(_ *testing.T, m *Machine, f *fake) {
			f.mode, m.Config.Watch.Mode = watcher.Poll, config.ModeInotify
		},
			"share", Failed, "no build would be seen", `mode = "auto"`},
		{"a share that is polled", func(_ *testing.T, _ *Machine, f *fake) { f.mode = watcher.Poll }, "share", OK, "polled", ""},
		{"no share", func(_ *testing.T, _ *Machine, f *fake) { f.shareErr = errors.New("/host cannot be looked at") }, "share", Warning, "cannot be looked at", "mount it"},
		{"a base that is to be built", func(_ *testing.T, _ *Machine, f *fake) { f.there = false }, "base service-base", Warning, "run builds it", "sudo jarloop provision service-base"},
		{"a base that nobody builds", func(_ *testing.T, m *Machine, f *fake) { f.there, m.Config.Bases[0].Template = false, "" }, "base service-base", Failed, "no container service-base-1", "lxc-create"},
		{"a base without users", func(_ *testing.T, _ *Machine, f *fake) {
			f.baseErr = errors.New(`root has no range: printf 'root:1:2\n' | sudo tee -a /etc/subuid`)
		}, "base service-base", Failed, "root has no range", `printf 'root:1:2\n' | sudo tee -a /etc/subuid`},
		{"a base that runs", func(_ *testing.T, _ *Machine, f *fake) { f.containers = map[string]int{"service-base-1": 99} }, "base service-base", Failed, "must be stopped", "sudo lxc-stop -P"},
		{"a base of a recipe that has changed", func(_ *testing.T, _ *Machine, f *fake) {
			f.leftOver = []string{"service-base-0", "web-base-7"}
		}, "old bases", Warning, "service-base-0, web-base-7", "sudo jarloop base remove service-base-0 web-base-7"},
		{"bases that cannot be looked at", func(_ *testing.T, _ *Machine, f *fake) { f.leftErr = errors.New("list the bases: no") }, "old bases", Warning, "list the bases", ""},
		{"a file from the future", func(t *testing.T, m *Machine, _ *fake) {
			file := filepath.Join(m.Config.Watch.Dir, "web.jar")
			later := time.Now().Add(time.Hour)
			if err := errors.Join(os.WriteFile(file, nil, 0o644), os.Chtimes(file, later, later)); err != nil {
				t.Fatal(err)
			}
		}, "clock", Warning, "web.jar is from the future", "systemd-timesyncd"},
		{"a taken port", func(t *testing.T, m *Machine, _ *fake) {
			put(t, m, "/proc/net/tcp", socket("00000000:0050", "17"))
			put(t, m, "/proc/4711/comm", "nginx\n")
			if err := errors.Join(os.Mkdir(m.path("/proc/4711/fd"), 0o755), os.Symlink("socket:[17]", m.path("/proc/4711/fd/6"))); err != nil {
				t.Fatal(err)
			}
		}, "port 80", Failed, "nginx (process 4711) listens on 0.0.0.0:80", "sudo kill 4711"},
		{"a port taken on the loopback alone", write("/proc/net/tcp", socket("0100007F:0050", "17")), "port 80", Warning, "127.0.0.1:80", "another port"},
		{"a port taken for the other protocol", write("/proc/net/udp", socketIn("00000000:0050", "17", "07")), "port 80", OK, "free", ""},
		{"a taken port of UDP", func(t *testing.T, m *Machine, _ *fake) {
			m.Config.Publishes[0].Protocol = "udp"
			put(t, m, "/proc/net/udp6", socketIn("00000000000000000000000000000000:0050", "17", "07"))
		}, "port 80/udp", Failed, "a process listens on [::]:80", "another port"},
		{"an interface that is not there", func(_ *testing.T, m *Machine, _ *fake) { m.Config.Publishes[0].Interface = "enp0s9" },
			"interface enp0s9", Failed, "no such interface", "interface = eth0, or auto"},
		{"an interface without an address", func(_ *testing.T, _ *Machine, f *fake) { f.addresses = nil },
			"interface eth0", Warning, "is there and has no IPv4 address, so that nobody reaches port 80 by it", "sudo ip link set eth0 up"},
		{"the loopback interface", func(_ *testing.T, m *Machine, _ *fake) { m.Config.Publishes[0].Interface = "lo" },
			"interface lo", Warning, "no other machine comes in by lo, so that none reaches port 80", `interface = "auto"`},
		{"the bridge", func(_ *testing.T, m *Machine, _ *fake) { m.Config.Publishes[0].Interface = "lxcbr0" },
			"interface lxcbr0", Warning, "no other machine comes in by lxcbr0", `interface = "auto"`},
		{"the interface of the default route", func(_ *testing.T, m *Machine, _ *fake) { m.Config.Publishes[0].Interface = "auto" },
			"interface auto", OK, "is eth0", ""},
		{"no default route", func(_ *testing.T, m *Machine, f *fake) { m.Config.Publishes[0].Interface, f.auto = "auto", "" },
			"interface auto", Failed, "there is none", "interface = eth0"},
		{"a folder that others write", func(t *testing.T, m *Machine, _ *fake) {
			if err := os.Chmod(m.Config.State, 0o777); err != nil {
				t.Fatal(err)
			}
		}, "folder STATE", Failed, "can be written by others (mode 0777)", "sudo chmod go-w "},
		{"a folder that is not there", func(t *testing.T, m *Machine, _ *fake) {
			if err := os.Remove(m.Config.Run); err != nil {
				t.Fatal(err)
			}
		}, "folder RUN", Warning, "run makes it", "sudo install -d -m 750 "},
		{"data on a disk that shares", func(_ *testing.T, m *Machine, f *fake) {
			m.Config.Services[0].Data, f.shares = []string{"/data"}, true
		}, "data LXC", OK, "shares what is the same", ""},
		{"data on a disk that copies", func(_ *testing.T, m *Machine, _ *fake) {
			m.Config.Services[0].Data, m.Config.LXC.DataCopyLimit = []string{"/data"}, 1<<30
		}, "data LXC", OK, "byte by byte, up to lxc.data_copy_limit = 1GiB", ""},
		{"data on a disk that cannot be asked", func(_ *testing.T, m *Machine, f *fake) {
			m.Config.Services[0].Data, f.sharesErr = []string{"/data"}, errors.New("read-only")
		}, "data LXC", Warning, "not known: read-only", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, f := well(t)
			test.spoil(t, m, f)
			name := strings.NewReplacer("LXC", m.Config.LXC.Path, "STATE", m.Config.State, "RUN", m.Config.Run).Replace(test.check)
			got := find(t, Examine(t.Context(), m), name)
			if got.State != test.state || !strings.Contains(got.Found, test.found) {
				t.Errorf("%s: %q, want %s: %q", got.State, got.Found, test.state, test.found)
			}
			if !strings.Contains(got.Remedy, test.remedy) || test.remedy == "" && got.Remedy != "" {
				t.Errorf("remedy %q, want %q", got.Remedy, test.remedy)
			}
		})
	}
}

// packed writes the options that the kernel was built with.
func packed(t *testing.T, m *Machine, text string) {
	t.Helper()
	f, err := os.Create(m.path("/proc/config.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	_, err = z.Write([]byte(text))
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestSocketsAreReadInTheKernelsByteOrder(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"0100007F:0050", "127.0.0.1:80"},
		{"0203000A:1F90", "10.0.3.2:8080"},
		{"00000000000000000000000001000000:0016", "[::1]:22"},
		{"0000000000000000FFFF00000100007F:0050", "127.0.0.1:80"},
	} {
		if got, ok := parseSocket(test.text); !ok || got.String() != test.want {
			t.Errorf("%s is %s, %t, want %s", test.text, got, ok, test.want)
		}
	}
	for _, text := range []string{"", "0100007F", "01:0050", "0100007F:10000", "zz00007F:0050"} {
		if got, ok := parseSocket(text); ok {
			t.Errorf("%q is %s", text, got)
		}
	}
}
