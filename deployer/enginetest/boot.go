package enginetest

import (
	"context"
	"errors"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// boots is about instances that start and stop.
var boots = []promise{
	{name: "a start gives the address, and one that runs is left as it is", holds: func(t *trial) {
		s := t.create(t.name(1))
		first, err := t.Engine.Start(t.ctx(), t.name(1))
		t.must(err)
		if !first.IsValid() || s.Address.IsValid() && first != s.Address.Addr() {
			t.Errorf("the address is %s, want %s", first, s.Address)
		}
		t.install(t.name(1), t.Print())
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "up", 1)
		for range 2 {
			if again, err := t.Engine.Start(t.ctx(), t.name(1)); err != nil || again != first {
				t.Errorf("started again its address is %s, %v", again, err)
			}
			t.runsOn(t.name(1))
			t.Engine = t.Restart(t.T)
		}
		if n := t.count(t.name(1), "up"); n != 1 {
			t.Errorf("its service was started %d times", n)
		}
	}},
	{name: "what is not there cannot be started", holds: func(t *trial) {
		if _, err := t.Engine.Start(t.ctx(), t.name(1)); err == nil {
			t.Error("it was started")
		}
	}},
	{name: "a start that hangs ends with its context, and is stopped by the next one", holds: func(t *trial) {
		t.create(t.name(1))
		heal := t.Hang(t.T, t.name(1))
		short, cancel := context.WithTimeout(t.ctx(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := t.Engine.Start(short, t.name(1)); err == nil {
			t.Error("it was started")
		}
		if took := time.Since(began); took > soon {
			t.Errorf("it was cut off after %s", took)
		}
		heal()
		if _, err := t.Engine.Start(t.ctx(), t.name(1)); err != nil {
			t.Errorf("the next start: %v", err)
		}
		t.isUp(t.name(1))
	}},
	{name: "a start that hangs can be stopped and removed", holds: func(t *trial) {
		t.create(t.name(1))
		t.Hang(t.T, t.name(1))
		short, cancel := context.WithTimeout(t.ctx(), time.Second)
		defer cancel()
		if _, err := t.Engine.Start(short, t.name(1)); err == nil {
			t.Error("it was started")
		}
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		t.must(t.Engine.Remove(t.ctx(), t.name(1)))
		if got := t.names(); len(got) != 0 {
			t.Errorf("listed are %q", got)
		}
	}},
	{name: "a service that was launched starts with the next boot", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		if exit := t.hasEnded(t.name(1)); !exit.Stopped || exit.Gone {
			t.Errorf("stopped: %+v", exit)
		}
		if t.list()[t.name(1)].Running {
			t.Error("it is said to run")
		}
		_, err := t.Engine.Start(t.ctx(), t.name(1))
		t.must(err)
		t.printed(t.name(1), "up", 2)
		t.runsOn(t.name(1))
	}},
	{name: "a service that was not launched does not start with a boot", holds: func(t *trial) {
		t.boot(t.name(1))
		t.install(t.name(1), t.Print())
		t.runsOn(t.name(1))
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		_, err := t.Engine.Start(t.ctx(), t.name(1))
		t.must(err)
		t.isUp(t.name(1))
		t.runsOn(t.name(1))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "up", 1)
	}},
	{name: "a stop asks every process of the service", holds: func(t *trial) {
		t.run(t.name(1), t.Parent())
		t.must(t.Engine.Stop(t.ctx(), t.name(1), soon))
		if t.count(t.name(1), "asked") != 1 {
			t.Errorf("it has printed %q", t.Engine.Tail(t.name(1)))
		}
		t.hasEnded(t.name(1))
	}},
	{name: "what was asked to stop, and has, is removed at once", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		t.must(t.Engine.Stop(t.ctx(), t.name(1), soon))
		t.must(t.Engine.Remove(t.ctx(), t.name(1)))
		if got := t.names(); len(got) != 0 {
			t.Errorf("listed are %q", got)
		}
	}},
	{name: "a stop kills after its grace, and at once without", holds: func(t *trial) {
		t.run(t.name(1), t.Deaf())
		t.run(t.name(2), t.Parent())
		began := time.Now()
		t.must(t.Engine.Stop(t.ctx(), t.name(1), time.Second))
		if took := time.Since(began); took < time.Second || took > 2*soon {
			t.Errorf("it may take a second, and took %s", took)
		}
		t.must(t.Engine.Stop(t.ctx(), t.name(2), 0))
		if t.count(t.name(2), "asked") != 0 {
			t.Error("it was asked")
		}
		for _, name := range []string{t.name(1), t.name(2)} {
			if exit := t.hasEnded(name); !exit.Stopped || exit.Gone {
				t.Errorf("%s: %+v", name, exit)
			}
			if t.list()[name].Running {
				t.Errorf("%s is said to run", name)
			}
		}
	}},
	{name: "one that is halted by hand is told of, and launched again once it has ended", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		told := make(chan error, 1)
		ctx := t.ctx()
		go func() { told <- t.Engine.Wait(ctx, t.name(1)) }()
		t.Halt(t.T, t.name(1))
		if exit, ok := errors.AsType[*deployer.ExitError](<-told); !ok || exit.Gone {
			t.Errorf("its end is told as %+v", exit)
		}
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "up", 2)
		<-time.After(3 * time.Second) // what is left of the halt
		t.runsOn(t.name(1))
		t.isUp(t.name(1))
	}},
	{name: "one that has ended with its instance is launched again", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "up", 2)
		t.runsOn(t.name(1))
	}},
}
