package incus_test

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// most is how long a service is away whose member is, where the cluster gives a member up
// after the 20 s that it has by itself.
const most = time.Minute

// TestAnAgentMovesWhatAMemberHeldThatIsOffline unplugs a member, which goes on running
// what it has, and plugs it in again.
func TestAnAgentMovesWhatAMemberHeldThatIsOffline(t *testing.T) {
	if os.Getenv(kept) != "" {
		t.Skip("it would take a member away from the cluster that is kept")
	}
	d := newDesk(t, `exec = "cp pair /tmp/pair && chmod +x /tmp/pair && exec /tmp/pair"`)
	d.save("back", "back 1")
	agent := d.run()
	d.until("back has a container", func() bool { return len(d.members()) == 1 })
	d.save("front", "front 1") // so it goes to another member
	d.await("front 1, back 1")
	d.until("each has its standby", func() bool { return len(d.instances()) == 4 })

	var member string // not the one that the agent asks
	for on := range d.members() {
		if on != "m1" {
			member = on
		}
	}
	held := d.heldBy(member)
	if len(held) == 0 {
		t.Fatalf("no member but m1 holds a container: %v", d.instances())
	}
	if out, err := lab("unplug", member); err != nil {
		t.Fatalf("unplug %s: %v: %s", member, err, out)
	}
	t.Cleanup(func() { _, _ = lab("plug", member) }) // for the next test
	unplugged := time.Now()
	lost := "back"
	if strings.HasPrefix(held[0], "desk-front-") {
		lost = "front"
	}
	var load *load // of what is on another member, if it needs nothing there
	if lost == "front" {
		load = d.loadOn("back")
	}
	d.until("nobody answers from there", func() bool {
		_, err := askService(t.Context(), lost)
		return err != nil
	})
	d.await("front 1, back 1")
	took := time.Since(unplugged).Round(100 * time.Millisecond)
	t.Logf("%s serves again %s after %s was unplugged", lost, took, member)
	if took > most {
		t.Errorf("%s serves again after %s, not %s", lost, took, most)
	}
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

// heldBy names what a member holds.
func (d *desk) heldBy(member string) (names []string) {
	for _, i := range d.instances() {
		if i.Location == member {
			names = append(names, i.Name)
		}
	}
	return names
}
