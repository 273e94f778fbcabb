package incus_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer/incus"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestAnAgentRedeploysOnAClusterWithoutALostRequest runs the program itself on a machine
// beside the members: two services of which one calls the other by name, and a port of
// that machine and of each member, asked from yet another one all the time.
func TestAnAgentRedeploysOnAClusterWithoutALostRequest(t *testing.T) {
	d := newDesk(t, runsPair)
	d.opens("front", "8081")
	if out, status := d.verb("doctor"); status != 0 {
		t.Errorf("doctor: status %d: %s", status, out)
	}
	d.save("back", "back 1")
	first := d.run()
	d.until("back has a container", func() bool { return len(d.members()) == 1 })
	d.save("front", "front 1") // so it goes to another member
	d.await("front 1, back 1")
	loads := []*load{d.load()}
	for _, member := range []string{"10.99.0.1", "10.99.0.2", "10.99.0.3"} {
		d.until(member+" leads there", func() bool {
			got, err := ask(t.Context(), member+":8081")
			return err == nil && got == "front 1, back 1"
		})
		loads = append(loads, d.loadAt(member+":8081", 20*time.Millisecond))
	}
	last := 1 + redeploys(t)
	for n := 2; n <= last; n++ {
		for _, service := range []string{"back", "front"} {
			d.save(service, fmt.Sprintf("%s %d", service, n))
		}
		began := time.Now()
		d.await(fmt.Sprintf("front %d, back %[1]d", n))
		t.Logf("both are redeployed in %s", time.Since(began).Round(10*time.Millisecond))
	}
	before := d.proxies()
	d.kill(first, syscall.SIGKILL) // and the next one adopts what serves
	second := d.run()
	d.save("front", "front again")
	d.await(fmt.Sprintf("front again, back %d", last))
	d.saysOfPorts("port 8081 (tcp) is open on m1, m2, m3")
	for _, load := range loads {
		load.stop(t)
	}
	if diff := cmp.Diff(before, d.proxies()); diff != "" {
		t.Errorf("the next agent does not leave proxies as they were: %s", diff)
	}
	d.opensAnother()

	if on := d.members(); len(on) < 2 {
		t.Errorf("all containers are on %v", on)
	}
	d.until("all is well", func() bool {
		out, status := d.verb("status")
		return status == 0 && strings.Contains(out, "front-")
	})
	if out, status := d.verb("logs", "front"); status != 0 || !inOrder(out, fmt.Sprintf("version front %d", max(1, last-3)), fmt.Sprintf("version front %d", last), "version front again") {
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
	if got, err := ask(t.Context(), "10.99.0.2:8081"); err != nil || got != fmt.Sprintf("front again, back %d", last) {
		t.Errorf("without an agent, a member says %q, %v", got, err)
	}
	d.cleans()
	if _, err := ask(t.Context(), "10.99.0.2:8081"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("clean leaves the port of a member: %v", err)
	}
}

// redeploys is how often both services are redeployed: JARLOOP_REDEPLOYS times, or three.
func redeploys(t *testing.T) int {
	t.Helper()
	text := os.Getenv("JARLOOP_REDEPLOYS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("JARLOOP_REDEPLOYS is %q, which is no number of redeploys", text)
	}
	return n
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
