package network

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
)

// agent is a Router with the ports that it publishes.
type agent struct {
	*Router
	publish []deployer.Publish
	kernel  *counter
}

// counter is a kernel whose changes are counted.
type counter struct {
	kernel
	changes int
	left    int // changes of tables until it fails; -1 for never
}

func (c *counter) apply(ctx context.Context, text string) error {
	for block := range strings.SplitAfterSeq(text, "COMMIT\n") {
		if block == "" {
			continue
		}
		if c.left == 0 {
			return errFake
		}
		c.left--
		c.changes++
		if err := c.kernel.apply(ctx, block); err != nil {
			return err
		}
	}
	return nil
}

func (c *counter) setSysctl(name, value string) error {
	c.changes++
	return c.kernel.setSysctl(name, value)
}

func (c *counter) addAddress(bridge string, addr netip.Addr) error {
	c.changes++
	return c.kernel.addAddress(bridge, addr)
}

func (c *counter) removeAddress(h held) error {
	c.changes++
	return c.kernel.removeAddress(h)
}

func newAgent(k kernel, o Options, publish ...deployer.Publish) *agent {
	c := &counter{kernel: k, left: -1}
	return &agent{newRouter(c, o), publish, c}
}

// fakeAgent is one on the bridge lxcbr0 of a fake VM.
func fakeAgent(f *fakeVM, publish ...deployer.Publish) *agent {
	return agentOn(f, "lxcbr0", publish...)
}

func agentOn(f *fakeVM, bridge string, publish ...deployer.Publish) *agent {
	return newAgent(f, Options{Bridge: bridge, Subnet: subnet}, publish...)
}

func (a *agent) Set(ctx context.Context, r deployer.Routes) ([]string, error) {
	r.Publish = a.publish
	return a.Router.Set(ctx, r)
}

func (a *agent) Repair(ctx context.Context, r deployer.Routes) (changed, repaired []string, err error) {
	r.Publish = a.publish
	return a.Router.Repair(ctx, r)
}

func (a *agent) Remove(ctx context.Context) error { return a.ports.remove(ctx) }

// fake gives the VM that the agent is on.
func (a *agent) fake() *fakeVM { return a.kernel.kernel.(*fakeVM) }

func set(t *testing.T, a *agent, want map[string]netip.AddrPort, changed bool) {
	t.Helper()
	setAll(t, a, deployer.Routes{Targets: want}, changed)
}

func setAll(t *testing.T, a *agent, want deployer.Routes, changed bool) {
	t.Helper()
	before := a.kernel.changes
	if _, err := a.Set(t.Context(), want); err != nil || (a.kernel.changes > before) != changed {
		t.Errorf("Set(%v): %d changes, %v; want some: %v", want, a.kernel.changes-before, err, changed)
	}
}

func repair(t *testing.T, a *agent, want map[string]netip.AddrPort, changed bool) {
	t.Helper()
	repairAll(t, a, deployer.Routes{Targets: want}, changed)
}

func repairAll(t *testing.T, a *agent, want deployer.Routes, changed bool) {
	t.Helper()
	before := a.kernel.changes
	_, repaired, err := a.Repair(t.Context(), want)
	if err != nil || (len(repaired) > 0) != changed || !changed && a.kernel.changes > before {
		t.Errorf("Repair(%v) = %q, %v with %d changes; want some: %v", want, repaired, err, a.kernel.changes-before, changed)
	}
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

func targets(pairs ...string) map[string]netip.AddrPort {
	m := map[string]netip.AddrPort{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = netip.MustParseAddrPort(pairs[i+1])
	}
	return m
}

func addresses(pairs ...string) map[string]netip.Addr {
	m := map[string]netip.Addr{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = netip.MustParseAddr(pairs[i+1])
	}
	return m
}

var (
	web80  = deployer.Publish{Interface: "eth0", Port: 80, Protocol: "tcp", Service: "web"}
	web81  = deployer.Publish{Interface: "eth1", Port: 81, Protocol: "tcp", Service: "web"}
	api443 = deployer.Publish{Interface: "eth0", Port: 443, Protocol: "tcp", Service: "api"}
)
