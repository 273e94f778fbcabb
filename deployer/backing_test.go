package deployer_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// withDB are web, and db that it needs, which has no artefacts.
func withDB(o *deployer.Options) {
	db := service("db", 5432)
	db.Backing, db.Target, db.Exec = true, "", "serve"
	o.Services = []deployer.Service{db, service("web", 8080, "db")}
	o.Standby = true
}

func TestAServiceWithoutArtefactsComesUpFirstAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, withDB)
		pass(time.Second)
		a.isLive("db", "db-1", "none")
		a.put(set("web", "web-1"))
		pass(time.Minute)
		a.isLive("web", a.live("web"), "web-1")
		if s := a.status("db"); s.Standby != "" || s.Generation != "db-1" {
			t.Errorf("status: %+v", s)
		}

		again := a.next(withDB)
		pass(time.Minute)
		again.isLive("db", "db-1", "none")
		if n := len(again.of(deployer.WentLive, "db")); n != 0 {
			t.Errorf("the next agent has deployed it %d times", n)
		}
	})
}

func TestAServiceWithoutArtefactsIsDeployedAgain(t *testing.T) {
	for name, again := range map[string]func(*agent){
		"when it is configured otherwise": func(a *agent) {
			if looked := a.reconfigured(func(all []deployer.Service) []deployer.Service {
				all[0].Env = map[string]string{"A": "1"}
				return all
			}); len(looked) != 0 {
				t.Errorf("artefacts are looked for of %s", looked)
			}
		},
		"when its base is another": func(a *agent) {
			a.reconfigured(func(all []deployer.Service) []deployer.Service {
				all[0].Base = "base-2"
				return all
			})
		},
		"when a person asks for it": func(a *agent) {
			if res := a.ask("db"); res.Err != nil || res.Generation != "db-2" {
				t.Errorf("%+v", res)
			}
		},
		"when its container is lost": func(a *agent) {
			a.vanish("db-1")
		},
	} {
		bubble(t, name, func(t *testing.T) {
			a := newWorld().start(t, withDB)
			var o deployer.Options
			withDB(&o)
			a.services = o.Services
			pass(time.Second)
			again(a)
			pass(time.Minute)
			a.isLive("db", "db-2", "none")
			if n := len(a.of(deployer.WentLive, "db")); n != 2 {
				t.Errorf("it went live %d times", n)
			}
			a.owned()
		})
	}
}

func TestAServiceWithoutArtefactsHasNoEarlierOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, withDB)
		pass(time.Second)
		if res := a.result(a.Rollback("db", "")); res.Err == nil || !strings.Contains(res.Err.Error(), "no artefacts") {
			t.Errorf("%+v", res)
		}
	})
}

// A file of its settings is missing: nothing is deployed, and what is live serves.
func TestAServiceThatIsNotReadyIsHeldBack(t *testing.T) {
	const why = "person.env: no such file"
	unready := func(all []deployer.Service) []deployer.Service {
		all[0].Unready, all[0].Env = why, nil
		return all
	}
	ready := func(all []deployer.Service) []deployer.Service {
		all[0].Unready, all[0].Env = "", map[string]string{"A": "1"}
		return all
	}
	standby := func(o *deployer.Options) { abc(o); o.Standby = true }
	bubble(t, "while it is live", func(t *testing.T) {
		a := running(t, standby)
		pass(time.Minute)
		waiting := a.status("a").Standby
		a.reconfigured(unready)
		a.put(set("a", "a-2"))
		if res := a.ask("a"); res.Err == nil || !strings.Contains(res.Err.Error(), why) {
			t.Errorf("%+v", res)
		}
		if res := a.rollback("a"); res.Err == nil || !strings.Contains(res.Err.Error(), why) {
			t.Errorf("%+v", res)
		}
		pass(time.Minute)
		s := a.status("a")
		if s.Generation != "a-1" || s.Newest.State != deployer.Refused || s.Newest.Reason != why || s.Standby != waiting {
			t.Errorf("status: %+v", s)
		}
		again := a.next(standby, func(o *deployer.Options) { o.Services = unready(o.Services) })
		pass(time.Minute)
		if s := again.status("a"); s.Generation != "a-1" || s.Newest.Reason != why || s.Standby != waiting {
			t.Errorf("the next agent: %+v", s)
		}
		if looked := again.reconfigured(ready); len(looked) != 1 || looked[0] != "a" {
			t.Errorf("artefacts are looked for of %s", looked)
		}
		again.put(set("a", "a-2"))
		pass(time.Minute)
		again.isLive("a", again.live("a"), "a-2")
		again.owned()
	})
	bubble(t, "during its deploy", func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "serve 1 after 30s"))
		pass(time.Second)
		done := a.Deploy("a")
		a.reconfigured(unready)
		pass(time.Minute)
		if res := a.result(done); res.Err == nil {
			t.Errorf("%+v", res)
		}
		a.isLive("a", "a-1", "a-1")
		a.owned()
	})
}
