package deployer_test

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/watcher"
)

// starts gives an agent with one service, of which a set is live.
func starts(t *testing.T, s watcher.Set, changes ...func(*deployer.Options)) *agent {
	t.Helper()
	a := newWorld().start(t, append([]func(*deployer.Options){fast}, changes...)...)
	a.put(s)
	a.isLive("a", "a-1", s.ID)
	return a
}

// line gives what an instance runs.
func (a *agent) line(name string) (line string) {
	a.with(func() { line = a.instances[name].command.Line })
	return line
}

func (a *agent) started(want deployer.StartStatus) {
	a.t.Helper()
	if s := a.status("a").Start; s == nil || *s != want {
		a.t.Errorf("it was started %+v, want %+v", s, want)
	}
}

// noScratch expects that nothing is left of what deploys have put together.
func (a *agent) noScratch() {
	a.t.Helper()
	if left, err := filepath.Glob(filepath.Join(folders.dir, "scratch", "*")); err != nil || len(left) > 0 {
		a.t.Errorf("left are %q, %v", left, err)
	}
}

func TestEveryEditIsStartedWithTheArchiveOfTheFirst(t *testing.T) {
	bubble(t, "while the libraries stay", func(t *testing.T) {
		a := starts(t, boot("a-1", "v1", "serve", ""))
		a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveNone})
		if line := a.line("a-1"); !strings.Contains(line, "-XX:DumpLoadedClassList=") || !strings.Contains(line, "lib-v1.jar:/a/App.jar com.example.Main") {
			t.Errorf("it runs %s", line)
		}
		pass(time.Minute)
		if n := len(a.of(deployer.Archived, "a")); n != 1 {
			t.Fatalf("%d archives were made", n)
		}
		for i, id := range []string{"a-2", "a-3"} {
			a.put(boot(id, "v1", "serve", ""))
			a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveUsed})
			if line := a.line(a.live("a")); !strings.Contains(line, "-XX:SharedArchiveFile=") || strings.Contains(line, "-XX:DumpLoadedClassList=") {
				t.Errorf("edit %d runs %s", i, line)
			}
		}
		a.put(boot("a-4", "v2", "serve", ""))
		a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveNone})
		pass(time.Minute)
		if n := len(a.of(deployer.Archived, "a")); n != 2 {
			t.Errorf("%d archives were made for two versions of the libraries", n)
		}
		if w := a.warned(); len(w) > 0 {
			t.Errorf("warned of %q", w)
		}
		a.noScratch()
	})
}

func TestWhatDoesNotComeUpFastIsStartedPlainly(t *testing.T) {
	for name, s := range map[string]struct{ plain, fast, set string }{
		"it ends":             {"serve", "print no\nexit 1", "live"},
		"it is never healthy": {"serve", "print no", "live"},
		"neither comes up":    {"exit 2", "exit 1", "failed"},
	} {
		bubble(t, name, func(t *testing.T) {
			a := starts(t, boot("a-1", "v0", "serve", ""))
			a.put(boot("a-2", "v1", s.plain, s.fast))
			pass(2 * time.Minute)
			if s.set == "failed" {
				a.isLive("a", "a-1", "a-1")
				if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, "status 2") {
					t.Errorf("what is told is of the fast start: %s", e.Reason)
				}
				a.put(boot("a-3", "v1", "serve", ""))
				a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveNone})
				return
			}
			if got := a.status("a"); got.Set != "a-2" || got.Start == nil || !strings.Contains(got.Start.Plain, "has not come up") {
				t.Fatalf("it is %+v, started %+v", got, got.Start)
			}
			begun := a.instances[a.live("a")].starts
			for _, next := range []func() *agent{func() *agent { return a }, func() *agent {
				if err := a.stop(); err != nil {
					t.Error(err)
				}
				return a.next(fast)
			}} {
				a = next()
				a.put(boot("a-3", "v1", "serve", "exit 1"))
				if got := a.instances[a.live("a")].starts; begun != 2 || got > 1 {
					t.Errorf("it was started %d times, and then %d times", begun, got)
				}
			}
			a.put(boot("a-4", "v2", "serve", ""))
			a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveNone})
		})
	}
}

func TestWhyAServiceIsStartedPlainly(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*deployer.Service)
		set    watcher.Set
		want   string
		said   bool
	}{
		"a person wants it so": {func(s *deployer.Service) { s.Plain = true }, boot("a-1", "v1", "serve", ""), "fast_start = false", false},
		"an agent":             {func(s *deployer.Service) { s.Exec, s.Runs = "java -javaagent:/x.jar -jar /a/App.jar", "App.jar" }, boot("a-1", "v1", "serve", ""), "-javaagent:/x.jar", true},
		"no libraries":         {func(*deployer.Service) {}, set("a", "a-1", archive(map[string]string{"META-INF/MANIFEST.MF": "Main-Class: com.example.Main\r\n", "com/example/Main.class": "x", "BOOT-INF/classes/script": "serve"})), "no libraries", false},
	} {
		bubble(t, name, func(t *testing.T) {
			a := starts(t, c.set, func(o *deployer.Options) { c.change(&o.Services[0]) })
			if s := a.status("a").Start; s == nil || !strings.Contains(s.Plain, c.want) {
				t.Errorf("it was started %+v", s)
			}
			if said := strings.Contains(a.lastOf(deployer.WentLive, "a").Reason, "not faster"); said != c.said {
				t.Errorf("it is said: %v, want %v", said, c.said)
			}
		})
	}
}

func TestAnArchiveThatIsLeftAsideIsMadeAnew(t *testing.T) {
	bubble(t, "in another way", func(t *testing.T) {
		a := starts(t, boot("a-1", "v1", "serve", ""))
		pass(time.Minute)
		a.with(func() {
			for name, f := range a.shared {
				if strings.HasSuffix(name, ".jsa") {
					f.text = "broken"
					a.shared[name] = f
				}
			}
		})
		a.put(boot("a-2", "v1", "serve", ""))
		a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveUnused})
		a.put(boot("a-3", "v1", "serve", ""))
		pass(time.Minute)
		a.put(boot("a-4", "v1", "serve", ""))
		a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveUsed})
	})
}

func TestAnArchiveThatCannotBeMadeIsTriedAgain(t *testing.T) {
	bubble(t, "with a pause that grows, and is warned of once", func(t *testing.T) {
		a := newWorld().start(t, fast)
		a.failWith("produce", errors.New("refused"))
		a.put(boot("a-1", "v1", "serve", ""))
		pass(10 * time.Minute)
		if n := a.count("produce"); n < 3 || n > 8 {
			t.Errorf("it was tried %d times in ten minutes", n)
		}
		if w := a.warned(); len(w) != 1 {
			t.Errorf("warned %d times", len(w))
		}
		a.heals()
		pass(time.Hour)
		if n := len(a.of(deployer.Archived, "a")); n != 1 {
			t.Errorf("%d archives were made", n)
		}
	})
}

func TestTheNextAgentMakesTheArchiveThatAnotherHasNotMade(t *testing.T) {
	classes := func(w *world) (left []string) {
		w.with(func() {
			for name := range w.shared {
				if strings.HasSuffix(name, ".classes") {
					left = append(left, name)
				}
			}
		})
		return left
	}
	for name, dies := range map[string]func(a *agent){
		"it was not its time yet":            func(*agent) {},
		"it cannot be made":                  func(a *agent) { a.failWith("produce", errors.New("refused")) },
		"nor what is left of it removed":     func(a *agent) { a.failWith("produce", errors.New("refused")); a.failWith("unshare", errInjected) },
		"it is there, but what is left, too": func(a *agent) { a.failWith("unshare", errInjected) },
	} {
		bubble(t, name, func(t *testing.T) {
			a := starts(t, boot("a-1", "v1", "serve", ""))
			dies(a)
			if name != "it was not its time yet" {
				pass(time.Minute)
			}
			made := len(a.of(deployer.Archived, "a"))
			a = a.next(fast)
			pass(time.Minute)
			if n := len(a.of(deployer.Archived, "a")) + made; n != 1 {
				t.Errorf("%d archives were made", n)
			}
			if left := classes(a.world); len(left) > 0 {
				t.Errorf("left are %q", left)
			}
			a.isLive("a", "a-1", "a-1")
			a.put(boot("a-2", "v1", "serve", ""))
			a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveUsed})
			a = a.next(fast)
			a.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveUsed})
			pass(time.Minute)
			if n := len(a.of(deployer.Archived, "a")); n != 0 {
				t.Errorf("%d archives were made of what has one", n)
			}
		})
	}
}

func TestAnAgentThatIsKilledAtAnyActOfAnArchiveLeavesItToTheNext(t *testing.T) {
	tight := func(o *deployer.Options) { o.SharedLimit, o.Services[0].Drain = 0, time.Second }
	acts := 0
	for over := false; !over; acts++ {
		bubble(t, fmt.Sprint("act ", acts), func(t *testing.T) {
			a := starts(t, boot("a-1", "v0", "serve", ""), tight)
			pass(time.Minute)
			a.put(boot("a-2", "v1", "serve", ""))
			a.dies(acts + 1)
			pass(time.Minute)
			over = !a.isDead()
			next := a.next(fast, tight)
			pass(time.Minute)
			next.isLive("a", next.live("a"), "a-2")
			kinds := map[string]int{}
			next.with(func() {
				for name := range next.shared {
					kinds[path.Ext(name)]++
				}
			})
			if want := map[string]int{".jar": 2, ".jsa": 1}; !maps.Equal(kinds, want) {
				t.Errorf("shared are %v, not %v", kinds, want)
			}
			next.only(t, "jarloop-produce")
			next.put(boot("a-3", "v1", "serve", ""))
			next.started(deployer.StartStatus{Libraries: 2, Archive: deployer.ArchiveUsed})
			next.noScratch()
		})
	}
	if acts < 10 {
		t.Errorf("the agent was killed at %d acts", acts)
	}
}

func TestSharedFilesAreListedOnce(t *testing.T) {
	bubble(t, "whatever comes", func(t *testing.T) {
		a := starts(t, boot("a-1", "v1", "serve", ""))
		pass(time.Minute)
		a.put(boot("a-2", "v2", "serve", ""))
		pass(time.Minute)
		if n := a.count("shared"); n != 1 || len(a.of(deployer.Archived, "a")) != 2 {
			t.Errorf("they were listed %d times, with %d archives", n, len(a.of(deployer.Archived, "a")))
		}
	})
}

func TestSharedFilesAreBounded(t *testing.T) {
	bubble(t, "and those that something runs with stay", func(t *testing.T) {
		a := starts(t, boot("a-1", "v1", "serve", ""), func(o *deployer.Options) { o.SharedLimit = 1 })
		for i, id := range []string{"a-2", "a-3", "a-4"} {
			pass(2 * time.Minute)
			a.put(boot(id, "v"+string(rune('2'+i)), "serve", ""))
		}
		pass(2 * time.Minute)
		a.with(func() {
			libraries, archives := 0, 0
			for name := range a.shared {
				switch path.Ext(name) {
				case ".jar":
					libraries++
				case ".jsa":
					archives++
				}
			}
			if libraries != 2 || archives != 1 {
				t.Errorf("%d libraries and %d archives are kept", libraries, archives)
			}
		})
		if line := a.line(a.live("a")); !strings.Contains(line, "-cp") {
			t.Errorf("it runs %s", line)
		}
		live := a.live("a")
		a.with(func() { a.end(a.instances[live], a.instances[live].unit, "exited with status 1") })
		pass(time.Minute)
		if s := a.status("a"); s.State != "live" || s.Set != "a-4" {
			t.Errorf("it has not come up again: %+v", s)
		}
	})
}
