package network

import (
	"os/exec"
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
