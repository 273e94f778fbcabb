package deployer_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// states gives the generations that a service shows, with what each is.
func (a *agent) states(service string) string {
	var all []string
	for _, e := range a.status(service).Generations {
		all = append(all, e.Generation+" "+e.State)
	}
	return strings.Join(all, ", ")
}

func TestADeployShowsAtWhichStepItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		published := 0
		a := running(t, onlyA, func(o *deployer.Options) { o.Published = func() { published++ } })
		if s := a.status("a"); s.Deploy != nil || a.states("a") != "a-1 live" {
			t.Fatalf("at rest it shows %+v, %s", s.Deploy, a.states("a"))
		}
		before := published
		began := time.Now()
		a.put(set("a", "a-2", "serve after 5s"))
		pass(time.Second)
		p := a.status("a").Deploy
		if p == nil || p.Generation != "a-2" || p.Set != "a-2" || p.Step != "prove" || p.Since.Before(began.Add(-time.Minute)) ||
			p.StepSince.After(time.Now()) || a.states("a") != "a-1 live, a-2 candidate" {
			t.Fatalf("while it proves it shows %+v, %s", p, a.states("a"))
		}
		var names []string
		for _, step := range p.Steps {
			names = append(names, step.Name)
		}
		if !slices.Contains(names, "install") || names[len(names)-1] != "start" {
			t.Errorf("done are %q", names)
		}
		pass(10 * time.Second)
		if s := a.status("a"); s.Deploy != nil || s.Generation != "a-2" || a.states("a") != "a-1 draining, a-2 live" && a.states("a") != "a-2 live" {
			t.Errorf("when it is live it shows %+v, %s", s.Deploy, a.states("a"))
		}
		if published < before+len(names) {
			t.Errorf("it was published %d times", published-before)
		}
		entries := a.page("a").Entries
		if last := entries[len(entries)-1]; len(last.Steps) < len(names)+2 || last.Steps[len(last.Steps)-1].Name != "switch" {
			t.Errorf("remembered are the steps %+v", last.Steps)
		}
	})
}

// A deploy that waits for a standby to be made, or for a guest to boot, shows for what.
func TestADeployShowsThatItWaitedForABoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, onlyA, func(o *deployer.Options) { o.Standby = true })
		took := func() map[string]time.Duration {
			steps := map[string]time.Duration{}
			for _, s := range a.lastOf(deployer.WentLive, "a").Steps {
				steps[s.Name] += s.Took.Round(time.Millisecond)
			}
			return steps
		}
		a.slow = map[string]time.Duration{"start": time.Second, "guest boots": 300 * time.Millisecond}
		a.put(set("a", "a-2")) // into the standby that is there
		pass(400 * time.Millisecond)
		if got := took(); got["boot"] != 300*time.Millisecond || got["start"] != 0 {
			t.Errorf("a guest that boots when its artefacts are there: %v", got)
		}
		a.put(set("a", "a-3")) // while the next one is made
		pass(5 * time.Second)
		if got := took(); a.status("a").Set != "a-3" || got["boot"] != 1200*time.Millisecond || got["wait its turn"] != 0 {
			t.Errorf("a standby that is made when the artefacts come: %v", got)
		}
	})
}

func TestAGenerationThatHasFailedIsShownWithItsStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := running(t, onlyA)
		a.put(set("a", "a-2", "exit 1"))
		pass(10 * time.Second)
		if got := a.states("a"); got != "a-1 live, a-2 kept" {
			t.Errorf("there are %s", got)
		}
		entries := a.page("a").Entries
		if last := entries[len(entries)-1]; last.Outcome != "failed" || last.Step != "prove" || len(last.Steps) == 0 {
			t.Errorf("remembered is %+v", last)
		}
	})
}

func TestARestartKeepsTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := keeper(t)
		done := make(chan error, 1)
		go func() { done <- a.Restart(t.Context(), "a") }()
		synctest.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
		a.goesOn("written\nwritten\n") // it has begun once more, on its data
		if err := a.Restart(t.Context(), "none"); err == nil {
			t.Error("what there is not was started again")
		}
	})
}
