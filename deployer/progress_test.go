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
