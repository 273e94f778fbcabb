package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKilledAnywhereInADeploy(t *testing.T) {
	forKills(t)
	s := newSystem(t, true)
	// Else each of a hundred and more deploys would have an old generation stay for
	// the two seconds in which it is asked no more.
	s.write(s.config, replace(t, s.readAt(s.config), map[string]string{"[service.person]\n": "[service.person]\ndrain = \"500ms\"\n"}))
	c := newCrashing(t, s)
	c.original = s.read("person/config.yml")
	s.up()
	clients := []*traffic{s.startTraffic("/api"), s.startTraffic("/api")}
	before := s.inventory()
	s.invariant(before)

	deploy := c.acts(func() {
		c.save(true)
		c.agent.eventually("what was saved serves", c.arrived)
		s.settled() // with all that went for it
	})
	c.fail()
	failure := c.acts(c.fail) // so that what is kept of the one before goes, too
	s.invariantBut(before, "person")
	c.save(true)
	c.agent.eventually("what was saved serves", c.arrived)
	s.invariant(before)

	s.sub("a deploy", func(t *testing.T) {
		for _, a := range deploy {
			for _, m := range c.chosen(a) {
				done := c.arrived
				if removes(a) {
					c.fail() // what is kept goes before the generation that was live
					done = func() bool { return c.arrived() && len(c.generations()["person"]) == 2 }
				}
				if !c.dies(m, func() { c.save(true) }, done) {
					c.missed = append(c.missed, string(m))
					continue
				}
				t.Logf("%d: killed %s", c.cells, m)
				c.recovers(before)
			}
		}
	})
	s.sub("an undo", func(t *testing.T) {
		for _, a := range failure {
			if !strings.HasPrefix(a.name, "undo") && !keeps(a) && !removes(a) {
				continue // as in a deploy
			}
			for _, m := range c.chosen(a) {
				c.fail()
				if !c.dies(m, func() { c.save(false) }, c.failed(c.agent.now())) {
					c.missed = append(c.missed, string(m))
				} else {
					t.Logf("%d: killed %s", c.cells, m)
					c.run()
					c.agent.await(0, "adopted", "person")
					c.agent.eventually("it failed again", c.failed(0))
					s.invariantBut(before, "person")
					c.cells++
				}
				c.save(true)
				c.agent.eventually("what was saved serves", c.arrived)
				s.invariant(before)
			}
		}
	})
	s.sub("a recovery, three deep", func(t *testing.T) {
		for _, mess := range []moment{"in 1 40 step prove", "after 1 0 record live", "in 1 30 lxc clone"} {
			leave := func() {
				if !c.dies(mess, func() { c.save(true) }, c.arrived) {
					t.Fatalf("no death at %q", mess)
				}
			}
			leave()
			recovery := c.acts(func() { c.run(); c.agent.eventually("it is recovered", c.recovered) })
			c.agent.eventually("what was saved last serves", c.arrived)
			s.invariant(before)
			for _, a := range recovery {
				for _, m := range c.chosen(a) {
					leave()
					deep := 0
					for ; deep < 3 && c.dies(m, func() { c.run() }, c.recovered); deep++ {
					}
					if deep == 0 {
						c.missed = append(c.missed, string(m))
						c.agent.kill()
					} else if deep < 3 {
						c.agent.kill()
					}
					c.recovers(before)
				}
			}
		}
	})
	for _, client := range clients {
		client.stop(t)
	}
	t.Logf("killed and recovered %d times; %d moments did not come again: %q", c.cells, len(c.missed), c.missed)
	if len(c.missed) > c.cells/5 {
		t.Errorf("too many moments that did not come: %d, beside %d", len(c.missed), c.cells)
	}
}

func TestKilledAnywhereInCleanAndBuild(t *testing.T) {
	forKills(t)
	l := newLab(t, false)
	c := newCrashing(t, l)
	c.LXC = filepath.Join(c.Dir, "lxc") // what is kept for other tests stays
	c.write(c.config, c.small("", ""))
	if err := os.MkdirAll(filepath.Join(c.Share, "volume-page"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.write(filepath.Join(c.Share, "volume-page", "index.html"), "hello\n")
	must := func(verb ...string) {
		t.Helper()
		if out, code := c.verb(verb...); code != 0 {
			t.Fatalf("%s exits with %d: %s", verb, code, out)
		}
	}
	bases := func() []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(c.LXC, "small*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	build := c.acts(func() { must("provision") })
	for _, a := range build {
		for _, m := range c.chosen(a) {
			must("clean", "--bases")
			if !c.killed(m, "provision") {
				c.missed = append(c.missed, string(m))
				continue
			}
			must("provision")
			if got := bases(); len(got) != 1 {
				t.Errorf("killed %s: there are the bases %q", m, got)
			}
			c.cells++
		}
	}
	serve := func() {
		t.Helper()
		c.run()
		c.agent.eventually("page is live with its standby", func() bool {
			s := c.ask().Services
			return len(s) == 1 && s[0].State == "live" && s[0].Standby != ""
		})
		if code := c.agent.stop(); code != 0 {
			t.Fatalf("the agent left with %d", code)
		}
	}
	serve()
	clean := c.acts(func() { must("clean") })
	for _, a := range clean {
		for _, m := range c.chosen(a) {
			serve()
			if !c.killed(m, "clean") {
				c.missed = append(c.missed, string(m))
				must("clean")
				continue
			}
			must("clean")
			c.nothingLeft()
			c.cells++
		}
	}
	must("clean", "--bases")
	if got := bases(); len(got) > 0 {
		t.Errorf("bases are left: %q", got)
	}
	t.Logf("killed and recovered %d times in %d acts of a build and %d of clean; %d moments did not come again: %q",
		c.cells, len(build), len(clean), len(c.missed), c.missed)
	if len(build) < 5 || len(clean) < 4 || len(c.missed) > c.cells/5 {
		t.Error("too few")
	}
}
