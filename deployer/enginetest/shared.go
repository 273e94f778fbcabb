package enginetest

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// writing gives what writes a text.
func writing(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// shared gives the shared files, "NAME SIZE" each.
func (t *trial) shared() map[string]int64 {
	t.Helper()
	all, err := t.Engine.Shared(t.ctx())
	t.must(err)
	found := map[string]int64{}
	for _, f := range all {
		found[f.Name] = f.Size
		if f.Time.IsZero() || time.Since(f.Time) > 24*time.Hour {
			t.Errorf("%s was shared at %s", f.Name, f.Time)
		}
	}
	return found
}

// production is one of a small file.
func (t *trial) production(argv []string, out string) deployer.Production {
	return deployer.Production{Base: t.Base, Name: "made/archive", Argv: argv, Out: out, Memory: 256 << 20, Disk: 64 << 20, Time: patience}
}

// shares is about files that instances share.
var shares = ofShares([]promise{
	{name: "a shared file is seen by what runs already and by what comes", holds: func(t *trial) {
		t.boot("trial-1")
		t.must(t.Engine.Share(t.ctx(), "3f2a/a lib.jar", writing("library")))
		t.boot("trial-2")
		for _, name := range []string{"trial-1", "trial-2"} {
			t.reads(name, path.Join(deployer.SharedFolder, "3f2a/a lib.jar"), "library")
		}
		t.Engine = t.Restart(t.T)
		if all := t.shared(); len(all) != 1 || all["3f2a/a lib.jar"] != int64(len("library")) {
			t.Errorf("shared are %v", all)
		}
	}},
	{name: "what is shared is not written anew, and cannot be changed from inside", holds: func(t *trial) {
		t.must(t.Engine.Share(t.ctx(), "lib", writing("first")))
		t.must(t.Engine.Share(t.ctx(), "lib", func(io.Writer) error { t.Error("it was written anew"); return nil }))
		t.boot("trial-1")
		file := path.Join(deployer.SharedFolder, "lib")
		if err := t.Engine.WriteFile(t.ctx(), "trial-1", file, []byte("mine"), 0o644); err == nil {
			t.Error("it was written from inside")
		}
		t.reads("trial-1", file, "first")
	}},
	{name: "what cannot be written to its end is not shared", holds: func(t *trial) {
		refused := errors.New("refused")
		err := t.Engine.Share(t.ctx(), "x/lib", func(w io.Writer) error { return errors.Join(writing("half")(w), refused) })
		if !errors.Is(err, refused) {
			t.Errorf("the error is %v", err)
		}
		if all := t.shared(); len(all) != 0 {
			t.Errorf("shared are %v", all)
		}
	}},
	{name: "a file that nobody needs goes", holds: func(t *trial) {
		t.must(t.Engine.Share(t.ctx(), "x/lib", writing("library")))
		t.boot("trial-1")
		for range 2 { // one that is gone is no error
			t.must(t.Engine.Unshare(t.ctx(), "x/lib"))
		}
		t.reads("trial-1", path.Join(deployer.SharedFolder, "x/lib"), "")
		if all := t.shared(); len(all) != 0 {
			t.Errorf("shared are %v", all)
		}
	}},
	{name: "names that lead elsewhere are refused", holds: func(t *trial) {
		for _, name := range []string{"", ".", "..", "../lib", "/lib", "a/../../lib", "a//b", ".hidden", "a\nb"} {
			if err := t.Engine.Share(t.ctx(), name, writing("x")); err == nil {
				t.Errorf("%q was shared", name)
			}
			if err := t.Engine.Unshare(t.ctx(), name); err == nil {
				t.Errorf("%q was removed", name)
			}
		}
	}},
	{name: "a command makes a shared file, and leaves no instance", holds: func(t *trial) {
		before := t.names()
		made, err := t.Engine.Produce(t.ctx(), t.production(t.Write("/tmp/out", "produced"), "/tmp/out"))
		t.must(err)
		if size := t.shared()["made/archive"]; size == 0 || made.Bytes != size {
			t.Errorf("%d bytes are shared, and %d are said to be", size, made.Bytes)
		}
		if after := t.names(); strings.Join(after, " ") != strings.Join(before, " ") {
			t.Errorf("left are %q", after)
		}
		t.boot("trial-1")
		text, err := t.Engine.ReadFile(t.ctx(), "trial-1", path.Join(deployer.SharedFolder, "made/archive"))
		if err != nil || strings.TrimSpace(string(text)) != "produced" {
			t.Errorf("it holds %q, %v", text, err)
		}
	}},
	{name: "a command that fails, or makes nothing, makes no shared file", holds: func(t *trial) {
		for _, p := range []deployer.Production{
			t.production(t.FailBy(3), "/tmp/out"), t.production(t.Write("/tmp/other", "x"), "/tmp/out"),
		} {
			if made, err := t.Engine.Produce(t.ctx(), p); err == nil {
				t.Errorf("%q made %+v", p.Argv, made)
			}
		}
		if all, left := t.shared(), t.names(); len(all)+len(left) != 0 {
			t.Errorf("shared are %v, left are %q", all, left)
		}
	}},
	{name: "a production ends with its context, and when its time is over", holds: func(t *trial) {
		p := t.production(t.Sleep(), "/tmp/out")
		p.Time = time.Second
		if _, err := t.Engine.Produce(t.ctx(), p); err == nil {
			t.Error("it ended well after its time")
		}
		cause := errors.New("not wanted any more")
		ctx, cancel := context.WithCancelCause(t.ctx())
		done := make(chan error, 1)
		go func() {
			_, err := t.Engine.Produce(ctx, t.production(t.Sleep(), "/tmp/out"))
			done <- err
		}()
		cancel(cause)
		select {
		case err := <-done:
			if !errors.Is(err, cause) {
				t.Errorf("the error is %v", err)
			}
		case <-time.After(soon):
			t.Error("it goes on")
		}
		if all, left := t.shared(), t.names(); len(all)+len(left) != 0 {
			t.Errorf("shared are %v, left are %q", all, left)
		}
	}},
	{name: "what a service has mapped is asked of what runs", holds: func(t *trial) {
		t.run("trial-1", t.Serve(8080))
		if all, err := t.Engine.Mapped(t.ctx(), "trial-1"); err != nil || len(all) != 0 {
			t.Errorf("mapped are %q, %v", all, err)
		}
		t.stop("trial-1")
		if all, err := t.Engine.Mapped(t.ctx(), "trial-1"); err == nil {
			t.Errorf("of one that is stopped: %q", all)
		}
	}},
})

// ofShares marks what an engine that shares no files cannot keep.
func ofShares(all []promise) []promise {
	for i := range all {
		all[i].ofShares = true
	}
	return all
}

// noShares is about engines that share no files.
var noShares = []promise{
	{name: "what cannot be shared is errors.ErrUnsupported", holds: func(t *trial) {
		if t.NoShares == "" {
			t.Skip("this engine shares files")
		}
		_, err := t.Engine.Shared(t.ctx())
		_, produced := t.Engine.Produce(t.ctx(), t.production(t.Write("/tmp/out", "x"), "/tmp/out"))
		for _, err := range []error{err, produced, t.Engine.Share(t.ctx(), "lib", writing("x")), t.Engine.Unshare(t.ctx(), "lib")} {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("the error is %v", err)
			}
		}
	}},
}
