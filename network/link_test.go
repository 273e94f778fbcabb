package network

import (
	"os/exec"
	"slices"
	"testing"
)

func TestTheDefaultRouteNamesTheInterface(t *testing.T) {
	inLab(t, func(t *testing.T, _ *lab) {
		if got := DefaultInterface(); got != "" {
			t.Errorf("without a default route it is %q", got)
		}
		if out, err := exec.CommandContext(t.Context(), "ip", "route", "add", "default", "via", "10.0.4.1").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := DefaultInterface(); got != "eth0" {
			t.Errorf("it is %q, want eth0", got)
		}
	})
}

func TestTheInterfacesOfTheVMAreNotThoseOfContainers(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.guest("10.0.3.131")
		names, err := Interfaces()
		l.check(err)
		slices.Sort(names)
		names = slices.DeleteFunc(names, func(name string) bool { return name != "lo" && name != "eth0" && name != "lxcbr0" && name != "veth131" })
		if want := []string{"eth0", "lo", "lxcbr0"}; !slices.Equal(names, want) { // the kernel may add tunnels
			t.Errorf("they are %q, want %q", names, want)
		}
	})
}
