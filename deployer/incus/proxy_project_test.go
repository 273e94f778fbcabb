package incus_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus"
)

// leases gives addresses of the tests.
type leases struct{ *cluster }

func (l leases) Lease(context.Context, string) (netip.Prefix, error) { return l.next(), nil }

func (leases) Hold(string, netip.Addr) error { return nil }

func (leases) Release(string) {}

// TestARestrictedProjectHasToAllowProxies opens a port in a project that forbids it, until
// the remedy that is said is done.
func TestARestrictedProjectHasToAllowProxies(t *testing.T) {
	c := newCluster(t)
	if !c.onDesk(t) {
		return
	}
	const project = "proxies"
	c.incus(t, nil, "project", "create", project, "-c", "features.networks=false", "-c", "restricted=true",
		"-c", "restricted.cluster.target=allow", "-c", "restricted.devices.nic=allow")
	c.incus(t, nil, "profile", "device", "add", "default", "root", "disk", "path=/", "pool=fast", "--project", project)
	c.incus(t, nil, "profile", "device", "add", "default", "eth0", "nic", "network=incbr0", "name=eth0", "--project", project)
	b := c.bench(t)
	e, err := incus.New(incus.Options{
		Client: c.restricted(t, project), Owner: b.owner, Logs: b.logs, Shared: b.shared, Program: c.program, Pool: "fast",
		Gateway: netip.MustParseAddr("10.88.0.200"),
	})
	if err != nil {
		t.Fatal(err)
	}
	says := func() string {
		opened, err := e.OpenPorts(t.Context(), leases{c}, []deployer.MemberPort{{Port: 8089, Protocol: deployer.TCP, To: 80}})
		if err != nil {
			t.Fatal(err)
		}
		open, closed := deployer.OpenedTexts(opened)
		return strings.Join(append(open, closed...), "; ")
	}
	all, err := c.client.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var members []string // of which a test before may have taken one away
	for _, m := range all {
		members = append(members, m.Name)
	}
	slices.Sort(members)
	on := strings.Join(members, ", ")
	const remedy = "incus project set proxies restricted.devices.proxy=allow"
	if got := says(); !strings.HasPrefix(got, "port 8089 (tcp) is not open on "+on+": ") || !strings.Contains(got, remedy) {
		t.Errorf("it is said: %s", got)
	}
	c.incus(t, nil, strings.Fields(remedy)[1:]...)
	if got := says(); got != "port 8089 (tcp) is open on "+on {
		t.Errorf("then it is said: %s", got)
	}
	if removed, err := e.ClosePorts(t.Context()); len(removed) != len(members) || err != nil {
		t.Errorf("removed are %v, %v", removed, err)
	}
	c.incus(t, nil, "project", "delete", project)
}
