package incus_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledAnywhereAMemberOfACluster takes a member away in the middle of a deploy: first
// its network alone, while a container is made and while one is proven, of the member that
// the agent asks and of another one, then all of it.
func TestKilledAnywhereAMemberOfACluster(t *testing.T) {
	forKills(t)
	t.Cleanup(func() { takeDown(t) }) // since a member stays dead
	c := newCrashing(t)
	c.file("config.toml", []byte(strings.Replace(c.read("config.toml"), "[lxc]\n", "[lxc]\nstandby = false\n", 1)))
	const asked, other, back = "m1", "m3", "m2" // the agent asks the first one, as it is configured
	c.hasBase(back)
	c.save("back", "back 1")
	c.begin()
	c.until("back has a container", func() bool { return len(c.members()) == 1 })
	c.hasBase(asked)
	c.next()
	c.await(c.serves())
	load := c.loadOn("back")
	for _, on := range []string{asked, other} {
		for _, at := range []string{"Stopped", "Running"} { // while it is made, and while it is proven
			c.hasBase(on)
			c.next()
			c.await(c.serves())
			c.until("what served before is removed", func() bool { return len(c.instances()) == 2 })
			c.hasBase(asked, other, back)
			made := c.inDeploy(at)
			if made.Location != on {
				t.Fatalf("%s is made on %s, not where the one before is, on %s", made.Name, made.Location, on)
			}
			t.Logf("%s is %s on %s, which is unplugged; the agent asks %s", made.Name, at, on, asked)
			c.without(made, "unplug")
			if out, err := lab("plug", on); err != nil {
				t.Fatalf("plug %s in: %v: %s", on, err, out)
			}
			c.until("what was left there is removed", func() bool { return len(c.instances()) == 2 })
			c.await(c.serves())
			c.asks(asked)
		}
	}
	made := c.inDeploy("Running")
	t.Logf("%s is on %s, which is killed", made.Name, made.Location)
	c.without(made, "kill")
	load.stop(t)
	if err := c.agent.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-c.ended
}

// hasBase has these members alone have a base.
func (c *crashing) hasBase(members ...string) {
	c.t.Helper()
	for _, m := range []string{"m1", "m2", "m3"} {
		base := map[bool]string{true: "base", false: "none"}[slices.Contains(members, m)]
		if err := c.client.SetConfig(c.t.Context(), "base-"+m, "", map[string]string{"user.jarloop.base": base}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// asks has the agent ask that member again, if another one has answered meanwhile: it
// begins anew.
func (c *crashing) asks(member string) {
	c.t.Helper()
	c.lookFrom(member)
	if err := c.agent.Process.Signal(syscall.SIGINT); err != nil {
		c.t.Fatal(err)
	}
	<-c.ended
	c.begin()
	c.await(c.serves())
}

// inDeploy has front deployed anew on a member where back is not, and gives the container
// that is made for that when it is in the state.
func (c *crashing) inDeploy(status string) (made instance) {
	c.t.Helper()
	before := c.instances()
	c.next()
	c.until("a container of it is "+status, func() bool {
		all, err := c.client.Instances(c.t.Context())
		for _, i := range all {
			made = instance{i.Name, i.Location}
			if err == nil && strings.HasPrefix(i.Name, c.owner+"-front-") && !slices.Contains(before, made) && i.Status == status {
				return true
			}
		}
		return false
	})
	return made
}

// without takes a member away, and waits until what was saved last serves without it.
func (c *crashing) without(made instance, how string) {
	c.t.Helper()
	c.lookFrom(map[bool]string{true: "m1", false: "m2"}[made.Location != "m1"])
	if out, err := lab(how, made.Location); err != nil {
		c.t.Fatalf("%s %s: %v: %s", how, made.Location, err, out)
	}
	began := time.Now()
	if how == "unplug" {
		c.t.Cleanup(func() { _, _ = lab("plug", made.Location) })
	}
	c.await(c.serves())
	c.t.Logf("it serves from another member after %s", time.Since(began).Round(100*time.Millisecond))
}

func (c *crashing) read(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}
