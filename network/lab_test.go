package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/network/defaults"
)

// labOf names the test that this process runs, alone, in a network namespace
// of its own.
const labOf = "JARLOOP_NETWORK_TEST"

// lab is a VM, which is this process, and the machines around it. Each is a
// network namespace without a name, gone with the process:
//
//	laptop eth0 10.0.4.1 ── veth ── eth0 10.0.4.2 VM lxcbr0 10.0.3.1 ── veth ── guests 10.0.3.N
type lab struct {
	t        *testing.T
	iptables string
	laptop   netns.NsHandle
	guests   map[string]netns.NsHandle // by address
}

var subnet = netip.MustParsePrefix("10.0.3.1/24")

// inLab runs the test with each variant of iptables, on a VM that has no rules
// yet. The test must not run in parallel with others.
func inLab(t *testing.T, test func(*testing.T, *lab)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	for _, variant := range []string{"iptables-nft", "iptables-legacy"} {
		t.Run(variant, func(t *testing.T) {
			if _, err := exec.LookPath(variant); err != nil {
				t.Skip(err)
			}
			if os.Getenv(labOf) == t.Name() {
				test(t, newLab(t, variant))
				return
			}
			runAlone(t)
		})
	}
}

// runAlone runs this test once more, in a process whose threads are all in a
// new network namespace: a goroutine cannot be, nor the commands it starts.
func runAlone(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var parts []string
	for _, part := range strings.Split(t.Name(), "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.v", "-test.timeout=100s", "-test.run="+strings.Join(parts, "/"))
	cmd.Env = append(os.Environ(), labOf+"="+t.Name(), "XTABLES_LOCKFILE="+t.TempDir()+"/lock",
		"GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE")) // the race detector would sleep for a second
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // Pdeathsig is about the thread that started it
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && strings.Contains(string(out), "--- SKIP: "+t.Name()+" "):
		t.Skipf("%s", out)
	case err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Errorf("%v\n%s", err, out)
	default:
		t.Logf("%s", out)
	}
}

func newLab(t *testing.T, iptables string) *lab {
	l := &lab{t: t, iptables: iptables, guests: map[string]netns.NsHandle{}}
	l.check(defaults.Set())
	l.check(up("lo", ""))
	l.check(netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "lxcbr0"}}))
	l.check(up("lxcbr0", "10.0.3.1/24"))
	l.laptop = l.machine("eth0", "10.0.4.1/24", "")
	l.check(up("eth0", "10.0.4.2/24"))
	return l
}

func (l *lab) check(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// up gives an interface of the thread's namespace an address, if there is one
// to give, and turns it on.
func up(name, address string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if address != "" {
		addr, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, addr); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(link)
}

// machine makes a namespace whose eth0 is the other end of the VM's interface.
func (l *lab) machine(vmSide, address, gateway string) netns.NsHandle {
	l.t.Helper()
	var handle netns.NsHandle
	l.check(apart(func() (err error) {
		if handle, err = netns.New(); err != nil {
			return err
		}
		return defaults.Set()
	}))
	l.t.Cleanup(func() { handle.Close() })
	l.check(netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: vmSide}, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(handle)),
	}))
	l.within(handle, func() error {
		if err := errors.Join(up("lo", ""), up("eth0", address)); err != nil || gateway == "" {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(gateway)})
	})
	return handle
}

// apart calls do on a thread that is thrown away.
func apart(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with the goroutine
		done <- do()
	}()
	return <-done
}

// within calls do in another namespace than that of the VM.
func (l *lab) within(ns netns.NsHandle, do func() error) {
	l.t.Helper()
	l.check(inside(ns, do))
}

func inside(ns netns.NsHandle, do func() error) error {
	return apart(func() error {
		if err := netns.Set(ns); err != nil {
			return err
		}
		return do()
	})
}

// guest makes a container with an HTTP server on port 8080 that answers with
// its address and that of the client.
func (l *lab) guest(address string) netip.AddrPort {
	l.t.Helper()
	vmSide := "veth" + address[strings.LastIndex(address, ".")+1:]
	ns := l.machine(vmSide, address+"/24", "10.0.3.1")
	l.guests[address] = ns
	l.check(up(vmSide, ""))
	link, err := netlink.LinkByName(vmSide)
	l.check(err)
	bridge, err := netlink.LinkByName("lxcbr0")
	l.check(err)
	l.check(netlink.LinkSetMaster(link, bridge))
	var listener net.Listener
	l.within(ns, func() (err error) {
		listener, err = net.Listen("tcp4", address+":8080")
		return err
	})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(w, "%s to %s", address, client)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	l.t.Cleanup(func() { server.Close(); <-done })
	return netip.AddrPortFrom(netip.MustParseAddr(address), 8080)
}

// eitherBridge calls test without and, where the kernel can, with frames inside
// the bridge passing iptables (br_netfilter), as Docker has it.
func (l *lab) eitherBridge(test func(filtered bool)) {
	const setting = "bridge/bridge-nf-call-iptables"
	_, err := os.Stat(sysctlFile(setting))
	if err != nil {
		test(false)
		return
	}
	for _, value := range []string{"0", "1"} {
		l.check(os.WriteFile(sysctlFile(setting), []byte(value), 0))
		test(value == "1")
	}
}

// client gives an HTTP client in a namespace; 0 is that of the VM.
func (l *lab) client(ns netns.NsHandle, keep bool) *http.Client {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	transport := &http.Transport{DisableKeepAlives: !keep}
	transport.DialContext = func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		if ns == 0 {
			return dialer.DialContext(ctx, network, address)
		}
		err = inside(ns, func() (err error) {
			conn, err = dialer.DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
	l.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 5 * time.Second}
}

// get asks and gives the answer, or an error.
func get(c *http.Client, address string) (string, error) {
	r, err := c.Get("http://" + address + "/")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

func (l *lab) wantAnswer(from netns.NsHandle, address, want string) {
	l.t.Helper()
	if got, err := get(l.client(from, false), address); err != nil || !strings.HasPrefix(got, want) {
		l.t.Errorf("%s answers %q, %v; want %q", address, got, err, want)
	}
}

func (l *lab) wantNone(from netns.NsHandle, address string) {
	l.t.Helper()
	if got, err := get(l.client(from, false), address); err == nil {
		l.t.Errorf("%s answers %q", address, got)
	}
}

// kernel gives that of the VM, with the lab's variant of iptables.
func (l *lab) kernel() *vm {
	l.t.Helper()
	k, err := newVM(l.iptables)
	l.check(err)
	return k
}

// ports makes an agent that publishes ports.
func (l *lab) ports(publish ...deployer.Publish) *agent {
	l.t.Helper()
	return newAgent(l.kernel(), Options{Bridge: "lxcbr0", Subnet: subnet}, publish...)
}

// run runs iptables by hand.
func (l *lab) run(line string) {
	l.t.Helper()
	out, err := exec.CommandContext(l.t.Context(), l.iptables, append([]string{"-w"}, splitWords(line)...)...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("iptables %s: %v: %s", line, err, out)
	}
}

var counters = regexp.MustCompile(`(?m)^#.*\n|\[\d+:\d+\]`)

// save gives all rules, without counters and with the tables in order.
func (l *lab) save() string {
	l.t.Helper()
	out, err := exec.CommandContext(l.t.Context(), l.iptables+"-save").Output()
	l.check(err)
	parts := strings.SplitAfter(counters.ReplaceAllString(string(out), ""), "COMMIT\n")
	slices.Sort(parts)
	return strings.Join(parts, "")
}
