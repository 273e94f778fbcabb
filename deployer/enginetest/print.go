package enginetest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/jarloop/jarloop/deployer"
)

// prints is about what services print.
var prints = []promise{
	{name: "each line comes once over all agents", holds: func(t *trial) {
		t.boot(t.name(1))
		t.install(t.name(1), t.Print("one"))
		f := t.follow(t.name(1))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		f.await(t, "one", "up")
		f.end(t)
		t.must(t.Engine.Quit(t.ctx(), t.name(1), soon))
		t.must(t.Engine.Launch(t.ctx(), t.name(1))) // while no agent is there
		t.printed(t.name(1), "up", 2)
		for n := range 2 {
			t.Engine = t.Restart(t.T)
			f = t.follow(t.name(1))
			f.await(t, "one", "up")
			t.must(t.Engine.Quit(t.ctx(), t.name(1), soon))
			f.end(t)
			f.has(t, "one", "up")
			t.must(t.Engine.Launch(t.ctx(), t.name(1)))
			t.printed(t.name(1), "up", 3+n)
		}
		f = t.follow(t.name(1))
		f.await(t, "one", "up")
		f.end(t)
		f = t.follow(t.name(1)) // all has been told
		f.end(t)
		f.has(t)
	}},
	{name: "lines say of whom they are", holds: func(t *trial) {
		t.boot(t.service + "-b-12")
		t.install(t.service+"-b-12", t.Print("one"))
		f := t.follow(t.service + "-b-12")
		t.must(t.Engine.Launch(t.ctx(), t.service+"-b-12"))
		f.await(t, "one", "up")
		f.end(t)
		want := deployer.Line{Service: t.service + "-b", Generation: t.service + "-b-12", Text: "one"}
		got := f.lines[0]
		got.Offset = 0 // where it is kept is the engine's own
		if got != want {
			t.Errorf("the line is %+v, want %+v", got, want)
		}
	}},
	{name: "who follows late, or for no time, gets what is there", holds: func(t *trial) {
		t.run(t.name(1), t.Print("one"))
		ctx, cancel := context.WithCancel(t.ctx())
		cancel()
		var got []string
		t.must(t.Engine.Follow(ctx, t.name(1), deployer.FollowOptions{Keep: 1 << 20}, func(l deployer.Line) { got = append(got, l.Text) }))
		if !slices.Equal(got, []string{"one", "up"}) {
			t.Errorf("got %q", got)
		}
	}},
	{name: "the last lines are given before following ends, of what has stopped too", holds: func(t *trial) {
		t.boot(t.name(1))
		t.install(t.name(1), t.Parent())
		f := t.follow(t.name(1))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		f.await(t, "up")
		t.must(t.Engine.Stop(t.ctx(), t.name(1), soon))
		f.end(t)
		f.has(t, "up", "asked")
	}},
	{name: "files inside are followed, those that come later too, each line once over all agents", holds: func(t *trial) {
		t.boot(t.name(1))
		t.install(t.name(1), t.Append("/opt/log/a.log", "one", "two"))
		f := t.follow(t.name(1), "/opt/log/*.log")
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		f.await(t, "a.log: one", "a.log: two", "up")
		f.end(t)
		t.must(t.Engine.Quit(t.ctx(), t.name(1), soon))
		t.must(t.Engine.Launch(t.ctx(), t.name(1))) // while no agent is there
		t.printed(t.name(1), "up", 2)
		t.Engine = t.Restart(t.T)
		f = t.follow(t.name(1), "/opt/log/*.log")
		f.await(t, "a.log: one", "a.log: two", "up")
		t.must(t.Engine.WriteFile(t.ctx(), t.name(1), "/opt/log/b.log", []byte("three\n"), 0o644))
		t.must(t.Engine.WriteFile(t.ctx(), t.name(1), "/opt/log/b.txt", []byte("four\n"), 0o644))
		f.await(t, "a.log: one", "a.log: two", "b.log: three", "up")
		f.end(t)
	}},
	{name: "what was printed outlives the instance", holds: func(t *trial) {
		t.run(t.name(1), t.Print("one"))
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		t.must(t.Engine.Remove(t.ctx(), t.name(1)))
		t.Engine = t.Restart(t.T)
		if got := t.Engine.Tail(t.name(1)); !slices.Equal(got, []string{"one", "up"}) {
			t.Errorf("its last lines are %q", got)
		}
		var got []string
		ctx, cancel := context.WithCancel(t.ctx())
		cancel()
		t.must(t.Engine.Follow(ctx, t.name(1), deployer.FollowOptions{}, func(l deployer.Line) { got = append(got, l.Text) }))
		if !slices.Equal(got, []string{"one", "up"}) {
			t.Errorf("nobody has followed it, and now it gives %q", got)
		}
		if got := t.Engine.Tail("never-1"); len(got) != 0 {
			t.Errorf("what never was has printed %q", got)
		}
	}},
	{name: "a stack trace is among the last lines whole", holds: func(t *trial) {
		trace := []string{"java.lang.IllegalStateException: no"}
		for range 30 {
			trace = append(trace, "\tat com.example.App.main(App.java:7)")
		}
		t.run(t.name(1), t.Print(trace...))
		if got := strings.Join(t.Engine.Tail(t.name(1)), "\n"); !strings.Contains(got, strings.Join(trace, "\n")) {
			t.Errorf("the last lines are\n%s", got)
		}
	}},
	{name: "kept output goes but for the newest, and that of instances that are there", holds: func(t *trial) {
		for _, name := range []string{t.name(1), t.name(2), t.name(3), t.name(4), t.other + "-1"} {
			t.run(name, t.Print())
			t.must(t.Engine.Stop(t.ctx(), name, 0))
			if name != t.name(1) {
				t.must(t.Engine.Remove(t.ctx(), name))
			}
		}
		kept := func(want ...string) {
			t.Helper()
			var got []string
			for _, name := range []string{t.name(1), t.name(2), t.name(3), t.name(4), t.other + "-1"} {
				if len(t.Engine.Tail(name)) > 0 {
					got = append(got, name)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("kept is the output of %q, want %q", got, want)
			}
		}
		t.must(t.Engine.Prune(t.ctx(), t.service, 2))
		kept(t.name(1), t.name(3), t.name(4), t.other+"-1")
		t.must(t.Engine.Prune(t.ctx(), t.service, 0))
		kept(t.name(1), t.other+"-1")
		t.must(t.Engine.Prune(t.ctx(), "never", 0))
	}},
}

// follower gathers what is followed.
type follower struct {
	mu     sync.Mutex
	lines  []deployer.Line
	cancel context.CancelFunc
	done   chan error
}

// follow begins to follow an instance, and files inside that match patterns.
func (t *trial) follow(name string, files ...string) *follower {
	ctx, cancel := context.WithCancel(t.ctx())
	f := &follower{cancel: cancel, done: make(chan error, 1)}
	e := t.Engine
	go func() {
		f.done <- e.Follow(ctx, name, deployer.FollowOptions{Files: files, Keep: 1 << 20}, func(l deployer.Line) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.lines = append(f.lines, l)
		})
	}()
	t.Cleanup(cancel)
	return f
}

// texts gives what came, with the file in front where it is of one. Those of
// files come first, each in its order: between files there is none.
func (f *follower) texts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var files, out []string
	for _, l := range f.lines {
		if l.File != "" {
			files = append(files, l.File+": "+l.Text)
		} else {
			out = append(out, l.Text)
		}
	}
	slices.SortStableFunc(files, func(a, b string) int {
		return strings.Compare(strings.SplitN(a, ":", 2)[0], strings.SplitN(b, ":", 2)[0])
	})
	return append(files, out...)
}

// await waits until so many lines have come, and they are to be these.
func (f *follower) await(t *trial, want ...string) {
	t.Helper()
	t.eventually(strings.Join(want, " | "), func() bool { return len(f.texts()) >= len(want) })
	f.has(t, want...)
}

func (f *follower) has(t *trial, want ...string) {
	t.Helper()
	if got := f.texts(); !slices.Equal(got, want) {
		t.Errorf("what came is %q, want %q", got, want)
	}
}

// end ends the following and waits for that.
func (f *follower) end(t *trial) {
	t.Helper()
	f.cancel()
	t.must(<-f.done)
}
