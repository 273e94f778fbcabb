package deployer_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// storms is how many storms there are; more of them find more.
var storms = flag.Int("storms", 60, "how many storms TestAfterAnyStormAllIsWell makes")

// Whatever people, builds and the machine do, and in whatever order: when it has
// calmed down the newest is live of each service, everybody has been answered,
// nothing is under way or left, and nothing that served was ended.
func TestAfterAnyStormAllIsWell(t *testing.T) {
	for seed := range *storms {
		bubble(t, fmt.Sprintf("storm %d", seed), func(t *testing.T) { stormOf(t, uint64(seed)).blow() })
	}
}

// storm is what happens to an agent.
type storm struct {
	*agent
	rand    *rand.Rand
	options func(*deployer.Options) // but for what is configured since
	standby bool
	sets    int
	asked   map[string]<-chan deployer.Result
	log     []string
}

func stormOf(t *testing.T, seed uint64) *storm {
	s := &storm{rand: rand.New(rand.NewPCG(seed, 1)), asked: map[string]<-chan deployer.Result{}}
	together, vips, keep := s.odds(2), s.odds(2), s.odds(2)
	s.standby = s.odds(2)
	s.options = func(o *deployer.Options) {
		o.Services = []deployer.Service{service("a", 8081), service("b", 8082, "a"), service("c", 8083, "a", "b")}
		for i := range o.Services {
			o.Services[i].ReloadCommand, o.Services[i].Drain = "reload", 5*time.Second
		}
		o.Together, o.Standby, o.VIPs, o.KeepFailed = together, s.standby, vips, keep
	}
	s.agent = newWorld().start(t, s.options)
	var o deployer.Options
	s.options(&o)
	s.services = o.Services
	return s
}

// odds says yes once in n times.
func (s *storm) odds(n int) bool { return s.rand.IntN(n) == 0 }

func pick[E any](s *storm, all ...E) E { return all[s.rand.IntN(len(all))] }

// blow lets things happen, waits until they are over, and looks.
func (s *storm) blow() {
	for range 40 {
		s.happens()
		if s.odds(3) {
			synctest.Wait()
		} else {
			pass(time.Duration(s.rand.IntN(4000)) * time.Millisecond)
		}
	}
	s.heals()
	s.hasSpace(1<<40, 1<<20)
	for _, name := range s.Names() {
		if err := s.Pause(s.t.Context(), name, false); err != nil {
			s.t.Error(err)
		}
	}
	pass(2 * time.Minute)
	for _, name := range s.Names() {
		s.Changed(name)
	}
	for _, name := range s.Names() {
		s.see(set(name, "final"))
	}
	pass(3 * time.Minute)
	s.look()
}

func (s *storm) look() {
	for _, st := range s.Status() {
		if st.State != "live" || st.Set != "final" || len(st.Draining) > 0 || len(st.Left) > 0 || st.Newest.State != "" {
			s.t.Errorf("status: %+v", st)
		}
		s.serves(st.Service, st.Generation)
		if n := len(s.there(st.Service)); n > 2 {
			s.t.Errorf("of %s there are %v", st.Service, s.there(st.Service))
		}
	}
	for _, service := range s.services {
		standby := s.instance(s.status(service.Name).Standby)
		if s.standby != (standby.name != "") || s.standby && standby.base != service.Base {
			s.t.Errorf("the standby of %s, which has the base %s, is %s", service.Name, service.Base, &standby)
		}
	}
	for what, done := range s.asked {
		select {
		case <-done:
		default:
			s.t.Errorf("%s was not answered", what)
		}
	}
	s.owned()
	if s.t.Failed() {
		for _, what := range s.log {
			s.t.Log(what)
		}
		s.t.Logf("%s", s.world)
	}
}

// happens has one thing happen.
func (s *storm) happens() {
	name := pick(s, s.Names()...)
	what := pick(s, "build", "build", "build", "refused", "same", "again", "ask", "roll back", "pause", "resume", "end", "end old",
		"clients", "clients", "next agent", "kill", "configure", "fails", "heals", "no space", "halt")
	s.log = append(s.log, fmt.Sprintf("%s %s %s", time.Now().Format("04:05.000"), what, name))
	switch what {
	case "build":
		s.builds(name)
	case "refused", "same":
		s.Changed(name)
		pass(time.Duration(s.rand.IntN(500)) * time.Millisecond)
		if what == "same" {
			s.Same(name, "")
		} else {
			s.Refuse(name, "half a JAR", s.odds(2))
		}
	case "again":
		s.agent.look(name)
	case "ask":
		s.asked[s.log[len(s.log)-1]] = s.Deploy(name)
	case "roll back":
		s.asked[s.log[len(s.log)-1]] = s.Rollback(name, "")
	case "pause", "resume":
		_ = s.Pause(s.t.Context(), name, what == "pause") // the disk may be full
	case "configure":
		s.configures(name)
	case "next agent", "kill":
		s.another(what == "kill")
	default:
		s.breaks(what, name)
	}
}

// another has the agent end, or be killed at any act, and the next one go on.
func (s *storm) another(killed bool) {
	if killed {
		s.dies(1 + s.rand.IntN(20))
		pass(time.Second)
	}
	services := s.services
	s.agent = s.next(s.options, func(o *deployer.Options) { o.Services = services })
	s.services = services
	for _, name := range s.Names() { // as the watcher does
		s.agent.look(name)
	}
}

// builds has artefacts come, of which some are no good.
func (s *storm) builds(name string) {
	s.sets++
	script := pick(s, []string{"serve"}, []string{"serve"}, []string{"serve after 3s", "linger 1s"}, []string{"exit 1"},
		[]string{"serve 1", "exit 1 after 2s"}, []string{"serve 1", "linger 3s"}, []string{"serve", "exit 1 after 4s"})
	s.log = append(s.log, fmt.Sprintf("  set-%d: %q", s.sets, script))
	if s.odds(2) {
		s.Changed(name)
		pass(time.Duration(s.rand.IntN(500)) * time.Millisecond)
	}
	s.see(set(name, fmt.Sprintf("set-%d", s.sets), script...))
}

func (s *storm) configures(name string) {
	s.reconfigured(func(all []deployer.Service) []deployer.Service {
		i := slices.IndexFunc(all, func(s deployer.Service) bool { return s.Name == name })
		switch {
		case s.odds(3):
			all[i].Health.Timeout = pick(s, 5*time.Second, time.Minute)
		case s.odds(2):
			all[i].Base = pick(s, "base", "base-2")
		default:
			all[i].Drain = pick(s, time.Second, 5*time.Second)
		}
		return all
	})
}

// breaks has something of the machine go wrong, or be put right.
func (s *storm) breaks(what, name string) {
	live := s.live(name)
	switch what {
	case "end", "end old", "halt":
		if all := s.there(name); what == "end old" && len(all) > 0 {
			live = all[0]
		}
		s.with(func() {
			i := s.instances[live]
			if i == nil {
				return
			}
			s.end(i, i.unit, "exited with status 1")
			if what == "halt" {
				s.halt(i)
			}
		})
	case "clients":
		s.with(func() {
			if i := s.instances[live]; i != nil {
				i.open = 1
			}
		})
	case "fails":
		s.failWith(pick(s, "create", "start", "install", "record", "launch", "names", "ports", "run", "stop begins", "remove", "amend"),
			pick(s, errInjected, errors.New("a lock is held"), error(unix.ENOSPC)))
	case "heals":
		s.heals()
		s.hasSpace(1<<40, 1<<20)
	case "no space":
		s.hasSpace(0, 1000)
	}
}
