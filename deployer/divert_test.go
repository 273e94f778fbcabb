package deployer_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/jarloop/jarloop/deployer"
)

var laptop = netip.MustParseAddrPort("10.0.2.2:18085")

func personByVIP(o *deployer.Options) {
	webAndPerson(o)
	o.VIPs = true
}

// divert has person lead to an address.
func (a *agent) divert(to netip.AddrPort) {
	a.t.Helper()
	if err := a.Divert(a.t.Context(), "person", to); err != nil {
		a.t.Fatal(err)
	}
	synctest.Wait()
}

// isDiverted checks where names and ports of person lead.
func (a *agent) isDiverted() {
	a.t.Helper()
	if a.portOf("person") != laptop || a.ports.Ports["person"] != 8085 {
		a.t.Errorf("ports lead to %s, from %d", a.portOf("person"), a.ports.Ports["person"])
	}
	if s := a.status("person"); s.State != "diverted" || s.Diverted != laptop.String() || s.Generation == "" {
		a.t.Errorf("the status is %+v", s)
	}
}

// Names and ports lead to where a person wants, over deploys and agents, until they
// are led back: then to what is live by then.
func TestADivertedServiceIsDeployedAsEverAndLedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, personByVIP)
		vip := a.instance("web-1").names["person"]
		a.divert(laptop)
		a.isDiverted()
		if i := a.instance("person-1"); !i.running || i.unit == nil {
			t.Errorf("its container is %s", &i)
		}
		a.put(set("person", "person-2"))
		if live := a.live("person"); live != "person-2" {
			t.Errorf("%s is live", live)
		}
		a.isDiverted()
		said := a.lastOf(deployer.Warning, "person").Reason
		if !strings.Contains(said, "lead to 10.0.2.2:18085 until jarloop divert person --off") {
			t.Errorf("told %q", said)
		}
		a = a.next(personByVIP)
		a.isDiverted()
		if e := a.of(deployer.Warning, "person"); len(e) != 1 || e[0].Reason != said {
			t.Errorf("the next agent told %+v", e)
		}
		if now := a.instance("web-1").names["person"]; now != vip {
			t.Errorf("its name is %s now, and was %s", now, vip)
		}
		a.divert(netip.AddrPort{})
		a.isLive("person", "person-2", "person-2")
		if s := a.status("person"); s.State != "live" || s.Diverted != "" || len(a.ports.Ports) > 0 {
			t.Errorf("led back, the status is %+v, ports %v", s, a.ports.Ports)
		}
		a = a.next(personByVIP)
		a.isLive("person", "person-2", "person-2")
	})
}

// What needs a diverted service does not wait for a container of it.
func TestADivertedServiceIsThereForThoseThatNeedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, personByVIP)
		a.divert(laptop)
		a.put(set("web", "web-1"))
		a.isLive("web", "web-1", "web-1")
	})
}

// Without virtual IPs a name is an address, and its port the one that callers know.
func TestWithoutVirtualIPsAServiceIsDivertedToItsOwnPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, webAndPerson)
		err := a.Divert(t.Context(), "person", laptop)
		if wish := (deployer.WishError{}); !errors.As(err, &wish) || !strings.Contains(err.Error(), "have the program listen on 10.0.2.2:8085") {
			t.Errorf("to another port: %v", err)
		}
		a.isLive("person", "person-1", "person-1")
		a.divert(netip.MustParseAddrPort("10.0.2.2:8085"))
		if i := a.instance("web-1"); i.names["person"] != laptop.Addr() || i.cached["person"] != laptop.Addr() {
			t.Errorf("web calls it at %s, and knows %s", i.cached["person"], i.names["person"])
		}
		a.divert(netip.AddrPort{})
		a.isLive("person", "person-1", "person-1")
	})
}

// What cannot be done is as it was, for the next agent too.
func TestAServiceThatCannotBeDivertedStays(t *testing.T) {
	for _, act := range []string{"ports", "amend"} {
		bubble(t, act, func(t *testing.T) {
			a := running(t, personByVIP)
			a.failWith(act, errors.New("no"))
			if err := a.Divert(t.Context(), "person", laptop); err == nil {
				t.Error("it went well")
			}
			a.heals()
			synctest.Wait()
			if s := a.status("person"); s.State != "live" || s.Diverted != "" {
				t.Errorf("the status is %+v", s)
			}
			a.isLive("person", "person-1", "person-1")
			a.next(personByVIP).isLive("person", "person-1", "person-1")
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a := running(t, personByVIP)
		if err := a.Divert(t.Context(), "nobody", laptop); err == nil {
			t.Error("a service that there is not is diverted")
		}
	})
}
