package enginetest

import (
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

// needs has instances run with shared files.
func (t *trial) needs(names []string, files ...string) {
	t.Helper()
	for _, name := range names {
		t.must(t.Engine.Install(t.ctx(), name, "", "", deployer.Command{Line: "true", Shared: files}))
	}
}

// shares is about files that instances share.
var shares = []promise{
	{name: "a shared file is seen by what runs already and by what comes", holds: func(t *trial) {
		t.boot(t.name(1))
		t.must(t.Engine.Share(t.ctx(), "3f2a/a lib.jar", writing("library")))
		t.boot(t.name(2))
		both := []string{t.name(1), t.name(2)}
		t.needs(both, "3f2a/a lib.jar")
		for _, name := range both {
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
		t.boot(t.name(1))
		t.needs([]string{t.name(1)}, "lib")
		file := path.Join(deployer.SharedFolder, "lib")
		if err := t.Engine.WriteFile(t.ctx(), t.name(1), file, []byte("mine"), 0o644); err == nil {
			t.Error("it was written from inside")
		}
		t.reads(t.name(1), file, "first")
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
	{name: "a file that nobody needs goes, from instances with the next that one needs, and comes again", holds: func(t *trial) {
		for _, name := range []string{"x/lib", "y/lib"} {
			t.must(t.Engine.Share(t.ctx(), name, writing("library")))
		}
		t.boot(t.name(1))
		t.needs([]string{t.name(1)}, "x/lib")
		t.reads(t.name(1), path.Join(deployer.SharedFolder, "x/lib"), "library")
		for range 2 { // one that is gone is no error
			t.must(t.Engine.Unshare(t.ctx(), "x/lib"))
		}
		if all := t.shared(); len(all) != 1 || all["y/lib"] == 0 {
			t.Errorf("shared are %v", all)
		}
		t.Engine = t.Restart(t.T)
		t.needs([]string{t.name(1)}, "y/lib")
		t.reads(t.name(1), path.Join(deployer.SharedFolder, "y/lib"), "library")
		t.reads(t.name(1), path.Join(deployer.SharedFolder, "x/lib"), "")
		t.must(t.Engine.Share(t.ctx(), "x/lib", writing("another")))
		t.needs([]string{t.name(1)}, "x/lib", "y/lib")
		t.reads(t.name(1), path.Join(deployer.SharedFolder, "x/lib"), "another")
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
	{name: "what a service has mapped is asked of what runs", holds: func(t *trial) {
		for _, name := range []string{"mapped", "x/not"} {
			t.must(t.Engine.Share(t.ctx(), name, writing("library")))
		}
		t.run(t.name(1), t.Serve(8080))
		t.boot(t.name(2))
		program := ""
		if t.Mapper != nil {
			program = t.Mapper(t.T)
		}
		c := t.Map(path.Join(deployer.SharedFolder, "mapped"))
		c.Shared = []string{"mapped", "x/not"}
		t.must(t.Engine.Install(t.ctx(), t.name(2), t.artefacts(map[string]string{"map": program}), target, c))
		t.must(t.Engine.Launch(t.ctx(), t.name(2)))
		t.printed(t.name(2), "up", 1)
		for name, want := range map[string]string{t.name(1): "", t.name(2): "mapped"} {
			if all, err := t.Engine.Mapped(t.ctx(), name); err != nil || strings.Join(all, " ") != want {
				t.Errorf("%s has mapped %q, %v", name, all, err)
			}
		}
		t.stop(t.name(1))
		if all, err := t.Engine.Mapped(t.ctx(), t.name(1)); err == nil {
			t.Errorf("of one that is stopped: %q", all)
		}
	}},
}
