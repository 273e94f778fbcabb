package enginetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// runs is about services that are installed and launched.
var runs = []promise{
	{name: "a folder inside holds exactly what was installed last", holds: func(t *trial) {
		t.boot(t.name(1))
		holds := func(files map[string]string, gone ...string) {
			t.Helper()
			t.must(t.Engine.Install(t.ctx(), t.name(1), t.artefacts(files), target, t.Print()))
			for name, text := range files {
				if got, err := t.Engine.ReadFile(t.ctx(), t.name(1), target+"/"+name); err != nil || string(got) != text {
					t.Errorf("%s holds %q, %v; want %q", name, got, err, text)
				}
			}
			for _, name := range gone {
				if got, err := t.Engine.ReadFile(t.ctx(), t.name(1), target+"/"+name); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is there: %q, %v", name, got, err)
				}
			}
		}
		holds(map[string]string{"a.jar": "1", "lib/b.jar": "2", "lib/c.jar": "3"})
		holds(map[string]string{"a.jar": "4", "lib/b.jar": "2"}, "lib/c.jar")
		holds(map[string]string{"lib": "a file by now"}, "a.jar")
		t.must(t.Engine.WriteFile(t.ctx(), t.name(1), target+"/left", []byte("by the service"), 0o644))
		holds(map[string]string{"a.jar": "5"}, "left", "lib")
	}},
	{name: "what is no file is not installed", holds: func(t *trial) {
		t.boot(t.name(1))
		source := t.artefacts(nil)
		t.must(os.Symlink("/etc/shadow", filepath.Join(source, "a.jar")))
		if err := t.Engine.Install(t.ctx(), t.name(1), source, target, t.Print()); err == nil {
			t.Error("a link was installed")
		}
		if _, err := t.Engine.ReadFile(t.ctx(), t.name(1), target+"/a.jar"); err == nil {
			t.Error("what it leads to can be read")
		}
	}},
	{name: "a service without artefacts is installed, and leaves every folder as it is", holds: func(t *trial) {
		t.boot(t.name(1))
		t.must(t.Engine.WriteFile(t.ctx(), t.name(1), target+"/left", []byte("of the base"), 0o644))
		t.must(t.Engine.Install(t.ctx(), t.name(1), "", "", t.Print("one")))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "one", 1)
		if got, err := t.Engine.ReadFile(t.ctx(), t.name(1), target+"/left"); err != nil || string(got) != "of the base" {
			t.Errorf("the folder holds %q, %v", got, err)
		}
	}},
	{name: "a service has its environment and its folder", holds: func(t *trial) {
		t.boot(t.name(1))
		c := t.Show("GREETING")
		c.Dir, c.Env = target, map[string]string{"GREETING": `"$HOME" 'and' more`}
		t.install(t.name(1), c)
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "up", 1)
		if t.count(t.name(1), c.Env["GREETING"]) != 1 || t.count(t.name(1), target) != 1 {
			t.Errorf("it has printed %q", t.Engine.Tail(t.name(1)))
		}
	}},
	{name: "a service that takes more memory than it may is killed, which is said, and runs again", holds: func(t *trial) {
		s := t.spec(t.name(1))
		s.Memory, s.CPUs = 128<<20, 0.5
		t.must(t.Engine.Create(t.ctx(), s))
		_, err := t.Engine.Start(t.ctx(), t.name(1))
		t.must(err)
		t.install(t.name(1), t.Take())
		for n := range 2 {
			t.must(t.Engine.Launch(t.ctx(), t.name(1)))
			exit := t.ended(t.name(1))
			if exit.How != deployer.OverMemory(s.Memory) || exit.Stopped {
				t.Errorf("run %d has ended: %+v", n+1, exit)
			}
			t.isUp(t.name(1))
			t.Engine = t.Restart(t.T)
		}
	}},
	{name: "a service runs as soon as it is launched, and once", holds: func(t *trial) {
		t.create(t.name(1))
		_, err := t.Engine.Start(t.ctx(), t.name(1))
		t.must(err)
		t.install(t.name(1), t.Print())
		t.runsOn(t.name(1)) // it has not ended, since it has not begun
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "up", 1)
		for range 2 {
			t.must(t.Engine.Launch(t.ctx(), t.name(1)))
			t.Engine = t.Restart(t.T)
		}
		t.runsOn(t.name(1))
		if n := t.count(t.name(1), "up"); n != 1 {
			t.Errorf("it was started %d times", n)
		}
	}},
	{name: "a service that has ended is launched again, with what was installed since", holds: func(t *trial) {
		t.run(t.name(1), t.Exit(3))
		t.ended(t.name(1))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "up", 2)
		t.ended(t.name(1))
		t.install(t.name(1), t.Print("new"))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.runsOn(t.name(1)) // the end that was told is of the run before
		t.printed(t.name(1), "new", 1)
		t.printed(t.name(1), "up", 3)
		t.runsOn(t.name(1))
	}},
	{name: "quitting asks every process, and waits for each", holds: func(t *trial) {
		t.run(t.name(1), t.Parent())
		began := time.Now()
		t.must(t.Engine.Quit(t.ctx(), t.name(1), 4*soon))
		if took := time.Since(began); took >= 4*soon {
			t.Errorf("it took its whole grace, %s", took)
		}
		if t.count(t.name(1), "asked") != 1 {
			t.Errorf("it has printed %q", t.Engine.Tail(t.name(1)))
		}
		if exit := t.hasEnded(t.name(1)); exit.Stopped || exit.Gone {
			t.Errorf("the service alone has ended: %+v", exit)
		}
		t.isUp(t.name(1))
	}},
	{name: "quitting kills after the grace", holds: func(t *trial) {
		t.run(t.name(1), t.Deaf())
		began := time.Now()
		t.must(t.Engine.Quit(t.ctx(), t.name(1), time.Second))
		if took := time.Since(began); took < time.Second || took > 2*soon {
			t.Errorf("it may take a second, and took %s", took)
		}
		t.hasEnded(t.name(1))
		t.isUp(t.name(1))
	}},
	{name: "quitting without a grace kills at once", holds: func(t *trial) {
		t.run(t.name(1), t.Parent())
		t.must(t.Engine.Quit(t.ctx(), t.name(1), 0))
		<-time.After(time.Second)
		if t.count(t.name(1), "asked") != 0 {
			t.Error("it was asked")
		}
		t.hasEnded(t.name(1))
		t.isUp(t.name(1))
	}},
	{name: "what has quit starts with no boot, but when it is launched", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		t.must(t.Engine.Quit(t.ctx(), t.name(1), soon))
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		_, err := t.Engine.Start(t.ctx(), t.name(1))
		t.must(err)
		t.isUp(t.name(1))
		<-time.After(time.Second)
		if n := t.count(t.name(1), "up"); n != 1 {
			t.Errorf("it was started %d times", n)
		}
		t.hasEnded(t.name(1))
		for n := range 2 { // in the instance that booted without it, and again
			t.must(t.Engine.Launch(t.ctx(), t.name(1)))
			t.printed(t.name(1), "up", 2+n)
			t.runsOn(t.name(1))
			t.must(t.Engine.Quit(t.ctx(), t.name(1), soon))
			t.hasEnded(t.name(1))
		}
	}},
	{name: "quitting what has ended, or was never launched, is no error", holds: func(t *trial) {
		t.run(t.name(1), t.Exit(0))
		t.ended(t.name(1))
		t.boot(t.name(2))
		t.install(t.name(2), t.Print())
		t.create(t.name(3))
		for _, name := range []string{t.name(1), t.name(2), t.name(3)} {
			t.must(t.Engine.Quit(t.ctx(), name, time.Second))
		}
		t.must(t.Engine.Launch(t.ctx(), t.name(2)))
		t.printed(t.name(2), "up", 1)
		t.runsOn(t.name(2))
	}},
	{name: "what has quit while its instance was stopped starts with no boot", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		t.must(t.Engine.Quit(t.ctx(), t.name(1), soon))
		_, err := t.Engine.Start(t.ctx(), t.name(1))
		t.must(err)
		t.isUp(t.name(1))
		<-time.After(time.Second)
		if n := t.count(t.name(1), "up"); n != 1 {
			t.Errorf("it was started %d times", n)
		}
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.printed(t.name(1), "up", 2)
	}},
}

// ends is about how the end of a service is told.
var ends = []promise{
	{name: "the end of a service is told with its status", holds: func(t *trial) {
		t.boot(t.name(1))
		t.install(t.name(1), t.Exit(3))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		told := t.ended(t.name(1))
		for range 2 { // the next agent is told the same
			for _, exit := range []deployer.ExitError{t.hasEnded(t.name(1)), t.ended(t.name(1))} {
				if exit != told {
					t.Errorf("told once as %+v, and once as %+v", told, exit)
				}
			}
			t.Engine = t.Restart(t.T)
		}
		if !strings.Contains(told.How, "status 3") || !told.Exited || told.Status != 3 || told.Stopped || told.Gone {
			t.Errorf("it is told as %+v", told)
		}
	}},
	{name: "the end of an instance is told to who waits, and with its removal too", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		t.run(t.name(2), t.Print())
		told := map[string]chan *deployer.ExitError{}
		for _, name := range []string{t.name(1), t.name(2)} {
			told[name] = t.waits(name)
		}
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		if end := <-told[t.name(1)]; !end.Stopped || end.Gone {
			t.Errorf("stopped: %+v", end)
		}
		t.Vanish(t.T, t.name(2))
		if end := <-told[t.name(2)]; !end.Stopped {
			t.Errorf("vanished: %+v", end)
		}
		if exit := t.hasEnded(t.name(2)); !exit.Stopped || !exit.Gone {
			t.Errorf("vanished: %+v", exit)
		}
		if got := t.names(); len(got) != 1 {
			t.Errorf("listed are %q", got)
		}
		if err := t.Engine.Launch(t.ctx(), t.name(2)); err == nil {
			t.Error("what has vanished was launched")
		}
		t.must(t.Engine.Remove(t.ctx(), t.name(1)))
		if exit := t.hasEnded(t.name(1)); !exit.Stopped || !exit.Gone {
			t.Errorf("removed: %+v", exit)
		}
		if exit := t.ended(t.name(1)); !exit.Gone {
			t.Errorf("waited for after its removal: %+v", exit)
		}
	}},
	{name: "waiting goes on while the service runs, and ends with its context", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		t.endsWithContext(func(ctx context.Context) error { return t.Engine.Wait(ctx, t.name(1)) })
		t.runsOn(t.name(1))
	}},
}
