package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The agent is killed while it shares libraries, makes an archive of their classes,
// removes what nobody needs any more, and starts a build with an archive for the first
// time. What an agent was making when it was killed the next one makes.
func TestKilledAnywhereWithAnArchive(t *testing.T) {
	forKills(t)
	c := newCrashing(t, newLab(t, false))
	s := newShop(c)
	s.hurry()
	s.update()
	s.run()
	s.agent.eventually("it serves", s.arrived)
	client := s.Client(false)
	asks := s.startRequests(5*time.Millisecond, func() error { _, err := s.says(client); return err })
	before := s.inventory()
	s.await("its archive is there", s.archived)

	making := c.acts(func() { s.update(); s.await("its archive is there", s.archived) })
	sharing := s.of(making, "share", "unshare")
	using := s.of(c.acts(func() { s.edit(); s.await("it has its archive", s.used) }), "step start", "look what is mapped", "record live")
	making = s.of(making, "claim", "share", "lxc clone", "lxc start", "produce", "take what was produced", "lxc stop", "lxc destroy", "unshare")
	s.invariant(before)

	share, middle, use := s.moments(sharing), s.moments(making), s.moments(using)
	// Two at a time of the making, since each wants another version of the library.
	half := (len(middle) + 1) / 2
	for i := range half {
		pair := []moment{middle[i]}
		if i+half < len(middle) {
			pair = append(pair, middle[i+half])
		}
		s.killedIn(append([]moment{share[i%len(share)]}, pair...), s.update, s.archived)
		s.killedIn(use[i%len(use):][:1], s.edit, s.used)
		s.invariant(before)
		if t.Failed() {
			t.Fatalf("after %q; what the agent said since its start:\n%s", pair, s.agent.output())
		}
	}
	asks.stop(t)
	if code := s.agent.stop(); code != 0 { // before the folder goes in which it notes its acts
		t.Errorf("the agent left with %d", code)
	}
	t.Logf("killed and recovered %d times in %d rounds; %d moments did not come again: %q", c.cells, half, len(c.missed), c.missed)
	if c.cells < 5 || len(c.missed) > c.cells/4 {
		t.Errorf("too many moments that did not come: %d, beside %d", len(c.missed), c.cells)
	}
}

// of gives the acts of some names, of which each has to be there.
func (s *shop) of(all []act, names ...string) []act {
	s.t.Helper()
	found := slices.DeleteFunc(slices.Clone(all), func(a act) bool { return !slices.Contains(names, a.name) })
	if len(found) != len(names) {
		s.t.Fatalf("of %q there were %+v, of %+v", names, found, all)
	}
	return found
}

// moments gives all moments of acts with JARLOOP_KILL=all, with JARLOOP_KILL=one that in
// each of some.
func (s *shop) moments(acts []act) (all []moment) {
	for _, a := range acts {
		switch {
		case os.Getenv("JARLOOP_KILL") == "all" && !strings.HasPrefix(a.name, "lxc"):
			all = append(all, a.moments()...)
		case os.Getenv("JARLOOP_KILL") == "all" || a.name == "share" || a.name == "produce" || a.name == "unshare" || a.name == "look what is mapped":
			all = append(all, a.moments()[1])
		}
	}
	return all
}

// killedIn does what makes the agent come to the first moment, where it is killed, has
// the next agent come to the next one, and waits until all is well.
func (s *shop) killedIn(moments []moment, do func(), well func() bool) {
	s.t.Helper()
	for i, m := range moments {
		if !s.dies(m, do, well) {
			for _, m := range moments[i:] {
				s.missed = append(s.missed, string(m))
			}
			return
		}
		s.t.Logf("%d: killed %s", s.cells, m)
		s.cells++
		do = func() { s.run() }
	}
	s.run()
	s.agent.await(0, "adopted", "shop")
	s.await("all is well", well)
}
