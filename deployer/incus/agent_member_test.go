package incus_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestAnAgentMovesWhatAMemberHeldThatIsOffline unplugs the member that the agent asks, which
// goes on running what it has, and plugs it in again.
func TestAnAgentMovesWhatAMemberHeldThatIsOffline(t *testing.T) {
	if os.Getenv(kept) != "" {
		t.Skip("it would take a member away from the cluster that is kept")
	}
	d := newDesk(t, runsPair)
	d.basesOn("m1", "m2")
	d.save("back", "back 1")
	agent := d.run()
	d.until("back has a container", func() bool { return len(d.members()) == 1 })
	d.save("front", "front 1") // so it goes to the other member
	d.await("front 1, back 1")
	d.until("each has its standby", func() bool { return len(d.instances()) == 4 })

	const member, other = "m1", "m2" // the agent asks the first one, as it is configured
	held := d.heldBy(member)
	if len(held) == 0 {
		t.Fatalf("%s holds no container: %v", member, d.instances())
	}
	d.lookFrom(other)
	if out, err := lab("unplug", member); err != nil {
		t.Fatalf("unplug %s: %v: %s", member, err, out)
	}
	t.Cleanup(func() { _, _ = lab("plug", member) }) // for the next test
	unplugged := time.Now()
	lost := "back"
	if strings.HasPrefix(held[0], d.owner+"-front-") {
		lost = "front"
	}
	var load *load // of what is on another member, if it needs nothing there
	if lost == "front" {
		load = d.loadOn("back")
	}
	d.until("nobody answers from there", func() bool {
		_, err := d.ask(t.Context(), lost)
		return err != nil
	})
	d.await("front 1, back 1")
	took := time.Since(unplugged).Round(100 * time.Millisecond)
	t.Logf("%s serves again %s after %s was unplugged", lost, took, member)
	if load != nil {
		load.stop(t)
	}
	for _, i := range d.instances() {
		if i.Location == member && !slices.Contains(held, i.Name) {
			t.Errorf("%s was made on a member that is away", i.Name)
		}
	}
	if out, err := lab("plug", member); err != nil {
		t.Fatalf("plug %s in: %v: %s", member, err, out)
	}
	d.until("what it held is removed", func() bool {
		return !slices.ContainsFunc(d.instances(), func(i instance) bool { return slices.Contains(held, i.Name) })
	})
	d.await("front 1, back 1")
	d.kill(agent, syscall.SIGINT)
	d.cleans()
}

// basesOn has no others of the three members have a base.
func (d *desk) basesOn(members ...string) {
	d.t.Helper()
	for _, m := range []string{"m1", "m2", "m3"} {
		if slices.Contains(members, m) {
			continue
		}
		set := func(base string) error {
			return d.client.SetConfig(context.Background(), "base-"+m, "", map[string]string{"user.jarloop.base": base})
		}
		if err := set("none"); err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() {
			if err := set("base"); err != nil {
				d.t.Error(err)
			}
		})
	}
}

// lookFrom has the test itself ask another member.
func (d *desk) lookFrom(member string) {
	d.t.Helper()
	address, err := lab("socket", member)
	if err != nil {
		d.t.Fatalf("find the socket of %s: %v: %s", member, err, address)
	}
	client, err := api.New(api.Options{Address: address, Project: d.project})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(client.Close)
	d.client = client
}

// heldBy names what a member holds.
func (d *desk) heldBy(member string) (names []string) {
	for _, i := range d.instances() {
		if i.Location == member {
			names = append(names, i.Name)
		}
	}
	return names
}
