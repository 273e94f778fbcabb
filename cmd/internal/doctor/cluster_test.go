package doctor

import (
	"errors"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// onCluster gives a machine whose containers are those of a cluster that is well.
func onCluster(t *testing.T) (*Machine, *fake) {
	t.Helper()
	m, f := well(t)
	m.Config.Engine = config.Engine{Kind: config.EngineIncus, Address: "https://m1:8443", Certificate: "/etc/jarloop/client.crt"}
	m.Config.LXC.Path, m.Config.Bases[0].Template = "/nowhere", ""
	f.version = "" // this machine has no liblxc
	f.cluster = Cluster{
		Members: map[string]string{"m1": "Online", "m2": "Online"},
		Bases:   []ClusterBase{{Name: "service-base", Instance: "service-base", Member: "m1"}, {Name: "service-base", Instance: "service-base-m2", Member: "m2"}},
	}
	return m, f
}

func TestAMachineNeedsNothingOfLXCForACluster(t *testing.T) {
	m, _ := onCluster(t)
	for _, f := range Examine(t.Context(), m) {
		if f.State != OK || f.Found == "" {
			t.Errorf("%s: %s: %q", f.Check, f.State, f.Found)
		}
	}
	if err := Preflight(t.Context(), m, func(text string) { t.Error(text) }); err != nil {
		t.Error(err)
	}
}

func TestEachThingThatIsWrongWithAClusterHasItsRowAndRemedy(t *testing.T) {
	for _, test := range []struct {
		name   string
		spoil  func(*Machine, *fake)
		check  string
		state  State
		found  string
		remedy string
	}{
		{"nobody answers", func(_ *Machine, f *fake) { f.clusterErr = errors.New("not authorized") }, "cluster", Failed,
			"https://m1:8443 does not answer as it should: not authorized", "incus config trust add-certificate /etc/jarloop/client.crt"},
		{"a member is away", func(_ *Machine, f *fake) { f.cluster.Members["m2"] = "Offline" }, "cluster", Warning, "m2 is offline", "incus cluster list"},
		{"members may not be looked at", func(_ *Machine, f *fake) { f.cluster.Members, f.cluster.Hidden = nil, true }, "cluster", Warning,
			"may not look at members: when one is gone", "incus config trust show"},
		{"no base", func(_ *Machine, f *fake) { f.cluster.Bases = nil }, "base service-base", Failed, "no member has an instance service-base", "docs/cluster.md"},
		{"a base on one of two", func(_ *Machine, f *fake) { f.cluster.Bases = f.cluster.Bases[:1] }, "base service-base", Warning,
			"there and stopped on m1, but not on m2", "incus copy service-base service-base-m2 --target m2 -c user.jarloop.base=service-base"},
		{"images that cannot be seen", func(m *Machine, f *fake) {
			m.Config.Bases[0].Distribution, f.baseErr = "debian:bookworm", errors.New("not authorized")
		}, "base service-base", Failed, "not authorized", ""},
		{"a base of a recipe that has changed", func(_ *Machine, f *fake) { f.leftOver = []string{"service-base-0"} }, "old bases", Warning,
			"service-base-0", "sudo jarloop base remove service-base-0"},
		{"a base that runs", func(_ *Machine, f *fake) { f.cluster.Bases[1].Running = true }, "base service-base", Failed, "service-base-m2 runs", "incus stop service-base-m2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, f := onCluster(t)
			test.spoil(m, f)
			var seen bool
			for _, f := range Examine(t.Context(), m) {
				if f.Check != test.check {
					continue
				}
				seen = true
				if f.State != test.state || !strings.Contains(f.Found, test.found) || !strings.Contains(f.Remedy, test.remedy) {
					t.Errorf("%s: %q: %q", f.State, f.Found, f.Remedy)
				}
			}
			if !seen {
				t.Errorf("there is no row %s", test.check)
			}
			if err := Preflight(t.Context(), m, func(string) {}); (err != nil) != (test.state == Failed) {
				t.Errorf("run is stopped by: %v", err)
			}
		})
	}
}

func TestABaseOfAClusterIsBuiltUnlessItIsThere(t *testing.T) {
	for _, test := range []struct {
		name  string
		there bool
		base  config.Base
		found string
	}{
		{"built", true, config.Base{Name: "service-base", Distribution: "debian:bookworm"}, "the image service-base-1 is there"},
		{"not built", false, config.Base{Name: "service-base", Template: "busybox"}, "run builds it"},
		{"made by hand, with a recipe", false, config.Base{Name: "service-base", Template: "busybox"}, "run builds it"},
		{"made by hand, and no word of it", false, config.Base{Name: "service-base", Template: "busybox", BuiltIn: true}, "there and stopped on m1, m2"},
		{"no word of it, and none made", false, config.Base{Name: "other", Template: "busybox", BuiltIn: true}, "run builds it"},
	} {
		m, f := onCluster(t)
		m.Config.Bases[0], f.there = test.base, test.there
		for _, f := range cluster(t.Context(), m)[1:] {
			if f.State != OK || !strings.Contains(f.Found, test.found) {
				t.Errorf("%s: %s: %q", test.name, f.State, f.Found)
			}
		}
	}
}

func TestARecipeNeedsItsTool(t *testing.T) {
	t.Setenv("PATH", "")
	for _, test := range []struct {
		base   config.Base
		remedy string
	}{
		{config.Base{Name: "b", Distribution: "debian:bookworm"}, "sudo apt-get install mmdebstrap"},
		{config.Base{Name: "b", Template: "busybox"}, "sudo apt-get install lxc"},
	} {
		m, f := onCluster(t)
		m.Config.Bases[0], f.there = test.base, false
		if f := cluster(t.Context(), m)[1]; f.State != Failed || f.Remedy != test.remedy {
			t.Errorf("%s: %q: %q", f.State, f.Found, f.Remedy)
		}
	}
}
