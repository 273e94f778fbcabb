package incus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// addresses are a pool of 10.88.0.201 and so on.
type addresses struct {
	mu   sync.Mutex
	held map[string]netip.Addr
	last byte
}

func newAddresses() *addresses { return &addresses{held: map[string]netip.Addr{}, last: 200} }

func (a *addresses) Lease(_ context.Context, owner string) (netip.Prefix, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.held[owner].IsValid() {
		a.last++
		a.held[owner] = netip.AddrFrom4([4]byte{10, 88, 0, a.last})
	}
	return netip.PrefixFrom(a.held[owner], 24), nil
}

func (a *addresses) Hold(owner string, addr netip.Addr) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for other, has := range a.held {
		if (other == owner) != (has == addr) {
			return fmt.Errorf("%s has %s", other, has)
		}
	}
	a.held[owner] = addr
	return nil
}

func (a *addresses) Release(owner string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.held, owner)
}

var (
	web = deployer.MemberPort{Port: 8081, Protocol: deployer.TCP, To: 80}
	dns = deployer.MemberPort{Port: 53, Protocol: deployer.UDP, To: 5353}
)

// ports are an engine on members, and what it has opened there.
type ports struct {
	*Engine
	*simulated
	pool *addresses
}

func newPorts(t *testing.T, members int) *ports {
	t.Helper()
	s := simulate(t, members)
	p := &ports{engineOf(t, s.ServeHTTP), s, newAddresses()}
	p.Gateway = netip.MustParseAddr("10.88.0.200")
	return p
}

// open gives what a person is told.
func (p *ports) open(t *testing.T, all ...deployer.MemberPort) string {
	t.Helper()
	p.changes = nil
	opened, err := p.OpenPorts(t.Context(), p.pool, all)
	if err != nil {
		t.Fatal(err)
	}
	open, closed := deployer.OpenedTexts(opened)
	return strings.Join(append(open, closed...), "\n")
}

func (p *ports) proxies() (names []string) {
	for name := range p.instances {
		if strings.HasSuffix(name, "-proxy") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestEveryMemberOpensPublishedPorts(t *testing.T) {
	p := newPorts(t, 3)
	want := "port 8081 (tcp) is open on m1, m2, m3\nport 53 (udp) is open on m1, m2, m3"
	if got := p.open(t, web, dns); got != want {
		t.Fatalf("it is said: %s", got)
	}
	i := p.instances["anna-m2-proxy"]
	if i == nil || !i.Running() || i.Location != "m2" || i.Config["boot.autostart"] != "true" || i.Config[keyState] != whole ||
		!strings.HasPrefix(i.Config["environment.JARLOOP_ADDRESS"], "10.88.0.20") || !strings.HasSuffix(i.Config["environment.JARLOOP_ADDRESS"], "/24") {
		t.Fatalf("the proxy of m2 is %+v", i)
	}
	if diff := cmp.Diff(api.Devices{
		"jarloop-tcp-8081": {"type": "proxy", "bind": "host", "listen": "tcp:10.99.0.2:8081", "connect": "tcp:10.88.0.200:80"},
		"jarloop-udp-53":   {"type": "proxy", "bind": "host", "listen": "udp:10.99.0.2:53", "connect": "udp:10.88.0.200:5353"},
	}, i.Devices); diff != "" {
		t.Error(diff)
	}
	if all, err := p.List(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("proxies are taken for services' instances: %v, %v", all, err)
	}
	before := p.calls
	if got := p.open(t, web, dns); got != want || len(p.changes) > 0 || p.calls-before != 2 {
		t.Errorf("nothing is to be done, and %d calls do %v: %s", p.calls-before, p.changes, got)
	}
	// Another agent finds them, and the addresses that they have.
	next := &ports{engineOf(t, p.ServeHTTP), p.simulated, newAddresses()}
	next.Gateway = p.Gateway
	if err := next.HoldPorts(t.Context(), next.pool); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.pool.held, next.pool.held, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("addresses: %s", diff)
	}
	if got := next.open(t, web, dns); got != want || len(p.changes) > 0 {
		t.Errorf("the next agent does %v: %s", p.changes, got)
	}
}

// TestAPortIsChangedAlone has the configuration change while others are connected.
func TestAPortIsChangedAlone(t *testing.T) {
	p := newPorts(t, 1)
	p.open(t, web, dns)
	for _, test := range []struct {
		to      deployer.MemberPort
		changes []string
	}{
		{deployer.MemberPort{Port: 8082, Protocol: deployer.TCP, To: 80}, []string{"anna-m1-proxy has no jarloop-tcp-8081", "anna-m1-proxy has jarloop-tcp-8082"}},
		{deployer.MemberPort{Port: 8082, Protocol: deployer.TCP, To: 81}, []string{"anna-m1-proxy has jarloop-tcp-8082"}},
		{deployer.MemberPort{Port: 8082, Protocol: deployer.UDP, To: 81}, []string{"anna-m1-proxy has no jarloop-tcp-8082", "anna-m1-proxy has jarloop-udp-8082"}},
	} {
		p.open(t, dns, test.to)
		if diff := cmp.Diff(test.changes, p.changes); diff != "" {
			t.Errorf("%v: %s", test.to, diff)
		}
	}
	if p.open(t); len(p.proxies()) > 0 || len(p.pool.held) > 0 {
		t.Errorf("without a port there are %v, and %v is held", p.proxies(), p.pool.held)
	}
	before := p.calls
	if p.open(t); p.calls-before != 1 {
		t.Errorf("%d calls to see that there is nothing", p.calls-before)
	}
}

// taken has something else have port 8081 of m2.
func taken(i *api.Instance, device map[string]string) string {
	if i.Location == "m2" && device["listen"] == "tcp:10.99.0.2:8081" {
		return "Error occurred when starting proxy device: Error: Failed to listen on 10.99.0.2:8081: listen tcp 10.99.0.2:8081: bind: address already in use"
	}
	return ""
}

func TestAMemberThatCannotOpenAPortSaysWhy(t *testing.T) {
	const rest = "\nport 53 (udp) is open on m1, m2, m3"
	inUse := "port 8081 (tcp) is open on m1, m3" + rest + "\nport 8081 (tcp) is not open on m2: somebody has it there: choose another one for publish.members, or free it (ss -lnp on that member)"
	away := "port 8081 (tcp) is open on m1, m2\nport 53 (udp) is open on m1, m2\n" +
		"port 8081 (tcp) is not open on m3: the member is away; it is opened when that is back\nport 53 (udp) is not open on m3: the member is away; it is opened when that is back"
	for what, c := range map[string]struct {
		before func(t *testing.T, p *ports)
		says   string
		after  func(p *ports)
	}{
		"another has it": {func(_ *testing.T, p *ports) { p.refuses = taken }, inUse, func(p *ports) { p.refuses = nil }},
		"another has it since the member's boot": {func(t *testing.T, p *ports) {
			p.open(t, web, dns)
			p.instances["anna-m2-proxy"].Status, p.refuses = "Stopped", taken
		}, inUse, func(p *ports) { p.refuses = nil }},
		"the project forbids it": {func(_ *testing.T, p *ports) {
			p.refuses = func(*api.Instance, map[string]string) string {
				return `Failed checking if instance update allowed: Invalid device "x" on container "y" of project "default": Proxy devices are forbidden`
			}
		}, "port 8081 (tcp) is not open on m1, m2, m3: the project default forbids it: on a member, incus project set default restricted.devices.proxy=allow\n" +
			"port 53 (udp) is not open on m1, m2, m3: the project default forbids it: on a member, incus project set default restricted.devices.proxy=allow",
			func(p *ports) { p.refuses = nil }},
		"the member is away": {func(_ *testing.T, p *ports) { p.simulated.members["m3"] = api.Offline }, away, func(p *ports) { p.simulated.members["m3"] = api.Online }},
		"the member went away with its proxy": {func(t *testing.T, p *ports) {
			p.open(t, web, dns)
			// Of one on such a member the cluster knows no more.
			p.instances["anna-m3-proxy"] = &api.Instance{Name: "anna-m3-proxy", Location: "m3", Status: "Error"}
		}, away, func(p *ports) { delete(p.instances, "anna-m3-proxy") }},
		"an instance has the name": {func(_ *testing.T, p *ports) {
			p.instances["anna-m2-proxy"] = &api.Instance{Name: "anna-m2-proxy", Location: "m2", Status: "Running", Config: map[string]string{}}
		}, "anna-m2-proxy is there, and none of this agent's: rename or remove it", func(p *ports) { delete(p.instances, "anna-m2-proxy") }},
	} {
		t.Run(what, func(t *testing.T) {
			p := newPorts(t, 3)
			c.before(t, p)
			if got := p.open(t, web, dns); got != c.says && !strings.Contains(got, c.says) {
				t.Errorf("it is said: %s", got)
			}
			c.after(p)
			if got := p.open(t, web, dns); got != "port 8081 (tcp) is open on m1, m2, m3"+rest {
				t.Errorf("later it is said: %s", got)
			}
		})
	}
	p := newPorts(t, 1)
	p.hides = true
	if _, err := p.OpenPorts(t.Context(), p.pool, []deployer.MemberPort{web}); err == nil || !strings.Contains(err.Error(), "incus config trust show") {
		t.Errorf("who may not see members is told: %v", err)
	}
}

func TestAProxyIsRepaired(t *testing.T) {
	for what, harm := range map[string]func(p *ports){
		"somebody has removed it": func(p *ports) { delete(p.instances, "anna-m1-proxy") },
		"its agent was killed while it made it": func(p *ports) {
			i := p.instances["anna-m1-proxy"]
			i.Config[keyState], i.Status, i.Devices = making, "Stopped", nil
		},
		"it has stopped":              func(p *ports) { p.instances["anna-m1-proxy"].Status = "Stopped" },
		"somebody has taken a device": func(p *ports) { delete(p.instances["anna-m1-proxy"].Devices, "jarloop-udp-53") },
		"somebody has changed one": func(p *ports) {
			p.instances["anna-m1-proxy"].Devices["jarloop-udp-53"] = map[string]string{"type": "none"}
		},
		"its address was given away while its member was away": func(p *ports) {
			for _, addr := range p.pool.held {
				p.pool.held = map[string]netip.Addr{"web-7": addr}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			p := newPorts(t, 1)
			p.open(t, web, dns)
			harm(p)
			if got := p.open(t, web, dns); got != "port 8081 (tcp) is open on m1\nport 53 (udp) is open on m1" {
				t.Errorf("it is said: %s", got)
			}
			i := p.instances["anna-m1-proxy"]
			if i == nil || !i.Running() || len(i.Devices) != 2 || i.Devices["jarloop-udp-53"]["type"] != "proxy" {
				t.Fatalf("the proxy is %+v", i)
			}
			own := p.pool.held[proxyLease("m1")]
			if i.Config[keyProxyAddress] != own.String()+"/24" || own == p.pool.held["web-7"] {
				t.Errorf("its address is %s, and held are %v", i.Config[keyProxyAddress], p.pool.held)
			}
		})
	}
}

// TestProxiesAreNoInstances has them on all members, where they are no load, and nobody
// asks for space on theirs.
func TestProxiesAreNoInstances(t *testing.T) {
	with, without := newPorts(t, 3), newPorts(t, 3)
	with.open(t, web)
	for _, name := range []string{"web-1", "web-2", "db-1", "mq-1"} {
		on1, calls1 := with.make(t, with.Engine, name)
		on2, calls2 := without.make(t, without.Engine, name)
		if on1 != on2 || calls1 != calls2 {
			t.Errorf("%s is made on %s by %d calls, and without proxies on %s by %d", name, on1, calls1, on2, calls2)
		}
	}
	calls := func(p *ports) int {
		before := p.calls
		if _, err := p.Space(t.Context()); err != nil {
			t.Fatal(err)
		}
		return p.calls - before
	}
	if a, b := calls(with), calls(without); a != b {
		t.Errorf("%d calls to look for space, and without proxies %d", a, b)
	}
}

func TestAllPortsAreClosed(t *testing.T) {
	p := newPorts(t, 3)
	p.open(t, web)
	others := &api.Instance{Name: "bert-m1-proxy", Location: "m1", Status: "Running", Config: map[string]string{keyOwner: "bert", keyProxy: "true"}}
	p.instances[others.Name] = others
	p.instances["anna-m3-proxy"] = &api.Instance{Name: "anna-m3-proxy", Location: "m3", Status: "Error"}
	removed, err := p.ClosePorts(t.Context())
	if diff := cmp.Diff([]string{"anna-m1-proxy", "anna-m2-proxy"}, removed); diff != "" || err == nil || !strings.Contains(err.Error(), "its member m3 is away") {
		t.Errorf("%v: %s", err, diff)
	}
	if diff := cmp.Diff([]string{"anna-m3-proxy", "bert-m1-proxy"}, p.proxies()); diff != "" {
		t.Error(diff)
	}
	broken := engineOf(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	if _, err := broken.ClosePorts(t.Context()); err == nil || errors.Is(err, errNone) {
		t.Errorf("a cluster that does not answer: %v", err)
	}
}
