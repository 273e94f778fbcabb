package deployer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// keeper starts an agent with the service a, which has data and a standby.
func keeper(t *testing.T) *agent {
	t.Helper()
	a := newWorld().start(t, withKept)
	a.put(set("a", "a-1", "serve", "append /data/note written"))
	a.settled()
	if a.noted() != "written\n" || a.status("a").Standby == "" {
		t.Fatalf("at the beginning: %q, %+v", a.noted(), a.status("a"))
	}
	return a
}

func withKept(o *deployer.Options) {
	onlyA(o)
	o.Standby = true
	o.Services[0].Data, o.Services[0].Replace = []string{"/data"}, deployer.StopFirst
}

// noted gives what the service a has written.
func (w *world) noted() (text string) {
	w.with(func() {
		if d := w.data["a"]; d != nil {
			text = d.live["/data/note"]
		}
	})
	return text
}

// whileDown has data removed while nothing of a runs, and answers later.
func (a *agent) whileDown(ctx context.Context, do func(context.Context) error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- a.WhileDown(ctx, "a", do) }()
	return done
}

func (a *agent) removes(ctx context.Context) error { return engine{a.door}.RemoveData(ctx, "a") }

// goesOn checks that the generation that was live is again, as it was, and was hurt
// by nobody but on purpose.
func (a *agent) goesOn(note string) {
	a.t.Helper()
	a.settled() // what was held is passed on
	a.isLive("a", "a-1", "a-1")
	if a.portsHeld("a") {
		a.t.Error("it is held still")
	}
	if got := a.noted(); got != note {
		a.t.Errorf("the data hold %q, want %q", got, note)
	}
	if s := a.status("a"); s.State != "live" || s.Standby == "" {
		a.t.Errorf("status: %+v", s)
	}
}

func TestAServiceIsDownWhileItsDataAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := keeper(t)
		standby := a.status("a").Standby
		if err := <-a.whileDown(t.Context(), func(ctx context.Context) error {
			if !a.portsHeld("a") {
				t.Error("what comes to it is not held")
			}
			return a.removes(ctx)
		}); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if a.portsHeld("a") {
			t.Error("it is held when it serves")
		}
		a.goesOn("written\n") // once, not twice
		if n := a.instance("a-1").starts; n != 2 {
			t.Errorf("it was started %d times", n)
		}
		if !a.gone(standby) {
			t.Error("the standby of before is there")
		}
		if len(a.of(deployer.Restarted, "a")) != 1 || len(a.of(deployer.Died, "a")) != 0 {
			t.Errorf("told %+v", a.heard())
		}
	})
}

func TestAServiceComesBackWhateverBecomesOfWhatItWasDownFor(t *testing.T) {
	for name, do := range map[string]func(ctx context.Context, a *agent, leave context.CancelCauseFunc) error{
		"it fails": func(context.Context, *agent, context.CancelCauseFunc) error { return errInjected },
		"who asks for it goes": func(ctx context.Context, _ *agent, leave context.CancelCauseFunc) error {
			leave(errInjected)
			<-ctx.Done()
			return context.Cause(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := keeper(t)
				ctx, leave := context.WithCancelCause(t.Context())
				err := <-a.whileDown(ctx, func(ctx context.Context) error { return do(ctx, a, leave) })
				if !errors.Is(err, errInjected) {
					t.Errorf("it says %v", err)
				}
				synctest.Wait()
				a.goesOn("written\nwritten\n")
			})
		})
	}
}

func TestAnAgentThatEndsDuringAnOutageHasTheServiceServeOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := keeper(t)
		done := a.whileDown(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		synctest.Wait()
		if s := a.status("a"); s.State != "down" {
			t.Errorf("status: %+v", s)
		}
		late := a.whileDown(t.Context(), a.removes)
		synctest.Wait()
		_ = a.stop()
		if err := <-done; err == nil {
			t.Error("what was cut off is told as done")
		}
		if err := <-late; err == nil || !strings.Contains(err.Error(), "stopped") {
			t.Errorf("what had not begun: %v", err)
		}
		if i := a.instance("a-1"); !i.running || i.unit == nil {
			t.Errorf("left is %s", &i)
		}
	})
}

func TestAnOutageWaitsForADeployAndADeployForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := keeper(t)
		a.see(set("a", "a-2", "serve after 10s", "append /data/note second"))
		synctest.Wait()
		done := a.whileDown(t.Context(), func(ctx context.Context) error {
			a.see(set("a", "a-3", "serve", "append /data/note third"))
			time.Sleep(time.Minute)
			return a.removes(ctx)
		})
		pass(5 * time.Second)
		if s := a.status("a"); s.State != "deploying" {
			t.Errorf("status: %+v", s)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		a.settled()
		if s := a.status("a"); s.Set != "a-3" || s.State != "live" {
			t.Errorf("status: %+v", s)
		}
		if got := a.noted(); got != "second\nthird\n" {
			t.Errorf("the data hold %q", got)
		}
	})
}

func TestWhatDoesNotComeUpMayWhenItsDataAreOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld().start(t, withKept)
		a.put(set("a", "a-1", "exit 1", "append /data/note broken"))
		a.settled()
		if s := a.status("a"); s.State != "failed" {
			t.Fatalf("status: %+v", s)
		}
		tries := len(a.of(deployer.Failed, "a"))
		if err := <-a.whileDown(t.Context(), a.removes); err != nil {
			t.Fatal(err)
		}
		a.settled()
		if got := len(a.of(deployer.Failed, "a")); got != tries+1 {
			t.Errorf("it was tried %d times, and %d before", got, tries)
		}
		a.owned()
	})
}

func TestAnAgentThatIsKilledDuringAnOutageLeavesAllToTheNextOne(t *testing.T) {
	for at := 1; ; at++ {
		over := false
		synctest.Test(t, func(t *testing.T) {
			a := keeper(t)
			a.dies(at)
			done := a.whileDown(t.Context(), a.removes)
			pass(time.Minute)
			over = !a.isDead()
			_ = a.stop()
			if err := <-done; err != nil {
				t.Logf("killed before act %d: %v", at, err)
			}
			next := a.start(t, withKept)
			next.put(set("a", "a-1", "serve", "append /data/note written"))
			next.settled()
			next.isLive("a", "a-1", "a-1")
			next.owned()
		})
		if over || t.Failed() {
			if at < 8 {
				t.Errorf("there were but %d acts", at)
			}
			return
		}
	}
}
