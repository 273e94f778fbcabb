package enginetest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// production is one of a small file.
func (t *trial) production(argv []string, out string) deployer.Production {
	return deployer.Production{Base: t.Base, Name: "made/archive", Argv: argv, Out: out, Memory: 256 << 20, Disk: 64 << 20, Time: patience}
}

// nothingProduced ends the test unless no file is shared but those, and no instance is
// there.
func (t *trial) nothingProduced(but ...string) {
	t.Helper()
	all := t.shared()
	for _, name := range but {
		delete(all, name)
	}
	if left := t.names(); len(all)+len(left) != 0 {
		t.Fatalf("shared are %v, left are %q", all, left)
	}
}

// produced gives what an instance finds in the file that was produced.
func (t *trial) produced(name string) string {
	t.Helper()
	t.boot(t.name(1))
	t.needs([]string{t.name(1)}, name)
	text, err := t.Engine.ReadFile(t.ctx(), t.name(1), path.Join(deployer.SharedFolder, name))
	t.must(err)
	return strings.TrimSpace(string(text))
}

// produces is about shared files that a command makes.
var produces = []promise{
	{name: "a command makes a shared file, and leaves no instance", holds: func(t *trial) {
		made, err := t.Engine.Produce(t.ctx(), t.production(t.Write("/tmp/out", "produced"), "/tmp/out"))
		t.must(err)
		if size := t.shared()["made/archive"]; size == 0 || made.Bytes != size {
			t.Errorf("%d bytes are shared, and %d are said to be", size, made.Bytes)
		}
		t.nothingProduced("made/archive")
		if text := t.produced("made/archive"); text != "produced" {
			t.Errorf("it holds %q", text)
		}
	}},
	{name: "a command that makes a shared file sees the others", holds: func(t *trial) {
		t.must(t.Engine.Share(t.ctx(), "3f2a/lib.jar", writing("library")))
		p := t.production(t.Copy(path.Join(deployer.SharedFolder, "3f2a/lib.jar"), "/tmp/out"), "/tmp/out")
		p.Needs, p.Beside = []string{"3f2a/lib.jar"}, t.name(9) // which is gone
		_, err := t.Engine.Produce(t.ctx(), p)
		t.must(err)
		if text := t.produced("made/archive"); text != "library" {
			t.Errorf("it has seen %q", text)
		}
	}},
	{name: "a production has no network", holds: func(t *trial) {
		_, err := t.Engine.Produce(t.ctx(), t.production(t.Interfaces("/tmp/out"), "/tmp/out"))
		t.must(err)
		if text := t.produced("made/archive"); text != "lo" {
			t.Errorf("its interfaces are %q", text)
		}
	}},
	{name: "a command that fails, or makes nothing, makes no shared file", holds: func(t *trial) {
		for _, p := range []deployer.Production{
			t.production(t.FailBy(3), "/tmp/out"), t.production(t.Write("/tmp/other", "x"), "/tmp/out"),
		} {
			if made, err := t.Engine.Produce(t.ctx(), p); err == nil {
				t.Errorf("%q made %+v", p.Argv, made)
			}
			t.nothingProduced()
		}
	}},
	{name: "a production that takes more memory than it may fails for it", holds: func(t *trial) {
		p := t.production(t.TakeMore(), "/tmp/out")
		p.Memory = 64 << 20
		if _, err := t.Engine.Produce(t.ctx(), p); err == nil || !strings.Contains(err.Error(), deployer.OverMemory(p.Memory)) {
			t.Errorf("the error is %v", err)
		}
		t.nothingProduced()
	}},
	{name: "a production that takes more of the disk than it may fails for it, wherever it writes", holds: func(t *trial) {
		for _, file := range []string{"/tmp/out", "/srv/other"} {
			p := t.production(t.Fill(file), "/tmp/out")
			p.Disk, p.Memory = 16<<20, 1<<30
			if _, err := t.Engine.Produce(t.ctx(), p); err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
				t.Errorf("where it fills %s the error is %v", file, err)
			}
			t.nothingProduced()
		}
	}},
	{name: "a production ends with its context, and when its time is over", holds: func(t *trial) {
		p := t.production(t.Sleep(), "/tmp/out")
		p.Time = time.Second
		if _, err := t.Engine.Produce(t.ctx(), p); err == nil {
			t.Error("it ended well after its time")
		}
		t.nothingProduced()
		for _, under := range []bool{false, true} { // cancelled at its beginning, and while its command runs
			cause := errors.New("not wanted any more")
			ctx, cancel := context.WithCancelCause(t.ctx())
			done := make(chan error, 1)
			go func() {
				_, err := t.Engine.Produce(ctx, t.production(t.Sleep(), "/tmp/out"))
				done <- err
			}()
			if under {
				t.eventually("it runs", func() bool {
					for _, i := range t.list() {
						return i.Running
					}
					return false
				})
			}
			cancel(cause)
			select {
			case err := <-done:
				if !errors.Is(err, cause) {
					t.Errorf("the error is %v", err)
				}
			case <-time.After(soon):
				t.Error("it goes on")
			}
			t.nothingProduced()
		}
	}},
	{name: "two productions at once are two", holds: func(t *trial) {
		var all sync.WaitGroup
		for n := 1; n <= 2; n++ {
			text := fmt.Sprint("produced ", n)
			p := t.production(t.Write("/tmp/out", text), "/tmp/out")
			p.Name = fmt.Sprintf("made/archive-%d", n)
			all.Go(func() {
				if _, err := t.Engine.Produce(t.ctx(), p); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		t.nothingProduced("made/archive-1", "made/archive-2")
		t.boot(t.name(1))
		t.needs([]string{t.name(1)}, "made/archive-1", "made/archive-2")
		for n := 1; n <= 2; n++ {
			text, err := t.Engine.ReadFile(t.ctx(), t.name(1), path.Join(deployer.SharedFolder, fmt.Sprintf("made/archive-%d", n)))
			if want := fmt.Sprint("produced ", n); err != nil || strings.TrimSpace(string(text)) != want {
				t.Errorf("the file of %q holds %q, %v", want, text, err)
			}
		}
	}},
	{name: "what a killed agent was producing is half made, and goes", holds: func(t *trial) {
		p := t.production(t.Sleep(), "/tmp/out")
		t.HalfProduced(t.T, p)
		t.Engine = t.Restart(t.T)
		left := t.list()
		if len(left) != 1 {
			t.Fatalf("left are %v", left)
		}
		// Another one does not wait for that.
		p.Argv = t.Write("/tmp/out", "produced")
		_, err := t.Engine.Produce(t.ctx(), p)
		t.must(err)
		for name, i := range left {
			if !i.Half || !i.Running {
				t.Errorf("%s is %+v", name, i)
			}
			t.must(errors.Join(t.Engine.Stop(t.ctx(), name, 0), t.Engine.Remove(t.ctx(), name)))
		}
		t.nothingProduced("made/archive")
	}},
}
