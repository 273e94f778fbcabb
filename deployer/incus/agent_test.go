package incus_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/incus"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestAnAgentRedeploysOnAClusterWithoutALostRequest runs the program itself on a machine
// beside the members: two services of which one calls the other by name, and a port of
// that machine, asked from yet another one all the time.
func TestAnAgentRedeploysOnAClusterWithoutALostRequest(t *testing.T) {
	d := newDesk(t, runsPair)
	if out, status := d.verb("doctor"); status != 0 {
		t.Errorf("doctor: status %d: %s", status, out)
	}
	d.save("back", "back 1")
	first := d.run()
	d.until("back has a container", func() bool { return len(d.members()) == 1 })
	d.save("front", "front 1") // so it goes to another member
	d.await("front 1, back 1")
	load := d.load()
	for n := 2; n <= 4; n++ {
		for _, service := range []string{"back", "front"} {
			d.save(service, fmt.Sprintf("%s %d", service, n))
		}
		began := time.Now()
		d.await(fmt.Sprintf("front %d, back %[1]d", n))
		t.Logf("both are redeployed in %s", time.Since(began).Round(10*time.Millisecond))
	}
	d.kill(first, syscall.SIGKILL) // and the next one adopts what serves
	second := d.run()
	d.save("front", "front 5")
	d.await("front 5, back 4")
	load.stop(t)

	if on := d.members(); len(on) < 2 {
		t.Errorf("all containers are on %v", on)
	}
	d.until("all is well", func() bool {
		out, status := d.verb("status")
		return status == 0 && strings.Contains(out, "front-")
	})
	if out, status := d.verb("logs", "front"); status != 0 || !inOrder(out, "version front 1", "version front 4", "version front 5") {
		t.Errorf("logs: %d: %s", status, out)
	}
	if out, status := d.verb("enter", "front"); status != 2 || !regexp.MustCompile(`incus exec desk-front-\d+ -- sh`).MatchString(out) {
		t.Errorf("enter: %d: %s", status, out)
	}
	d.isAlone()
	d.kill(second, syscall.SIGINT)
	if _, _, err := d.client.Profile(t.Context(), d.lease()); !api.IsNotFound(err) {
		t.Errorf("the lease is not given back: %v", err)
	}
	d.leaves(d.run())
	d.cleans()
}

// lease is the profile that says who the owner's agent is.
func (d *desk) lease() string { return "jarloop-" + d.owner }

// isAlone has an agent of another machine begin to work for the same owner.
func (d *desk) isAlone() {
	d.t.Helper()
	e, err := incus.New(incus.Options{Client: d.client, Owner: d.owner, Logs: d.dir, Shared: d.dir, Program: d.cluster.program, Pool: "fast"})
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := e.Lease(d.t.Context(), "elsewhere 1", func(string) {}); !errors.Is(err, incus.ErrHeld) {
		d.t.Errorf("two work for one owner: %v", err)
	}
}

// leaves has another agent take over from one that seemed to be away.
func (d *desk) leaves(agent *exec.Cmd) {
	d.t.Helper()
	d.until("it works", func() bool {
		_, status := d.verb("status")
		return status == 0
	})
	d.until("another has the lease", func() bool {
		p, etag, err := d.client.Profile(d.t.Context(), d.lease())
		if err != nil {
			return false
		}
		p.Config["user.jarloop.holder"] = "elsewhere 1"
		return d.client.ReplaceProfile(d.t.Context(), p, etag) == nil
	})
	if err := agent.Wait(); err == nil {
		d.t.Error("an agent that has lost its lease ends well")
	}
	if text, err := os.ReadFile(d.said.Name()); err != nil || !strings.Contains(string(text), "the one on elsewhere works for desk") {
		d.t.Errorf("it does not say why it ends: %v", err)
	}
	if err := d.client.DeleteProfile(d.t.Context(), d.lease()); err != nil { // else it would have to lapse
		d.t.Error(err)
	}
}
