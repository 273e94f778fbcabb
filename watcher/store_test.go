package watcher

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAFileInThePlaceOfASetGivesWay(t *testing.T) {
	store, root := filepath.Join(t.TempDir(), "store"), t.TempDir()
	data := jar(t, "one")
	write(t, filepath.Join(root, "volume-app", "app.jar"), data)
	r := run(t, newOne(t, Options{Root: root, Store: store}), root)
	set := r.ready()
	r.stop()
	must(t, os.RemoveAll(set.Dir))
	write(t, set.Dir, []byte("of somebody"))
	r = run(t, newOne(t, Options{Root: root, Store: store}), root)
	has(t, r.ready(), map[string][]byte{"app.jar": data})
}

func TestAStoredSetCanBeLoadedUnlessDamaged(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "volume-app")
	write(t, filepath.Join(dir, "app.jar"), jar(t, "one"))
	write(t, filepath.Join(dir, "bin", "run"), []byte("#!/bin/sh\n"))
	must(t, os.Chmod(filepath.Join(dir, "bin", "run"), 0o700))
	r := start(t, root)
	set := r.ready()
	store := r.w.options.Store
	must(t, set.Reading.Wait(t.Context()))

	got, err := Load(store, "app", set.ID)
	must(t, err)
	want := set
	want.Seen, want.Reading = time.Time{}, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("loaded set differs (-reported +loaded):\n%s", diff)
	}
	for name, mode := range map[string]fs.FileMode{"": 0o755, "bin": 0o755, "bin/run": 0o755, "app.jar": 0o644, "..": 0o700} {
		info, err := os.Stat(filepath.Join(set.Dir, name))
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%q has mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}

	if _, err := Load(store, "app", strings.Repeat("0", 64)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a set that is not there: %v, want %v", err, fs.ErrNotExist)
	}
	for _, bad := range []string{"", "..", "../app", strings.ToUpper(set.ID), set.ID + "/"} {
		if _, err := Load(store, "app", bad); err == nil {
			t.Errorf("%q passes for an ID", bad)
		}
	}

	must(t, os.WriteFile(filepath.Join(set.Dir, "app.jar"), jar(t, "won"), 0o644))
	if _, err := Load(store, "app", set.ID); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged set: %v", err)
	}
	must(t, r.w.Resend("app")) // puts a whole one in its place
	if again := r.next(Ready).Set; again.ID != set.ID {
		t.Errorf("sent again with ID %s, want %s", again.ID, set.ID)
	}
	if _, err := Load(store, "app", set.ID); err != nil {
		t.Error(err)
	}
}

func TestTheIDIsOfNamesModesAndContents(t *testing.T) {
	base := []File{{Name: "a", Mode: 0o644, SHA256: "1"}, {Name: "b", Mode: 0o644, SHA256: "2"}}
	seen := map[string]string{identify(base): "the base"}
	for what, files := range map[string][]File{
		"another name":    {{Name: "c", Mode: 0o644, SHA256: "1"}, base[1]},
		"an executable":   {{Name: "a", Mode: 0o755, SHA256: "1"}, base[1]},
		"another content": {{Name: "a", Mode: 0o644, SHA256: "3"}, base[1]},
		"one file less":   base[:1],
	} {
		id := identify(files)
		if !isID(id) {
			t.Errorf("%q is no ID", id)
		}
		if other, ok := seen[id]; ok {
			t.Errorf("%s has the ID of %s", what, other)
		}
		seen[id] = what
	}
	if got := identify([]File{{Name: "a", Size: 9, Mode: 0o600, SHA256: "1"}, base[1]}); seen[got] != "the base" {
		t.Error("a mode that makes no difference makes another ID")
	}
}

func TestPruneKeepsWhatIsKeptAndWhatWasTold(t *testing.T) {
	root := t.TempDir()
	r := start(t, root)
	var sets []Set
	for _, text := range []string{"one", "second", "the third"} {
		write(t, r.dir("app.jar"), jar(t, text))
		sets = append(sets, r.ready())
	}
	store := r.w.options.Store
	stray := filepath.Join(store, "app", "not-a-set")
	write(t, stray, nil)
	exists := func(s Set) bool { _, err := os.Stat(s.Dir); return err == nil }

	must(t, r.w.Prune("app", map[string]bool{sets[0].ID: true}))
	if !exists(sets[0]) || exists(sets[1]) || !exists(sets[2]) {
		t.Errorf("kept %v %v %v, want the first and the last", exists(sets[0]), exists(sets[1]), exists(sets[2]))
	}
	must(t, Prune(store, "app", nil))
	if exists(sets[0]) || exists(sets[2]) {
		t.Error("sets are left that nobody keeps")
	}
	if _, err := os.Stat(stray); err != nil {
		t.Error("what is not a set was removed")
	}
	must(t, os.Remove(stray))
	must(t, Prune(store, "app", nil))
	if _, err := os.Stat(filepath.Join(store, "app")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty folder stays: %v", err)
	}
	must(t, Prune(store, "app", nil)) // nothing there is nothing to do
	if err := Prune(store, "../app", nil); err == nil {
		t.Error("a path passes for a service's name")
	}
}

func TestNewCleansItsStoreAndRefusesOneThatOthersCanWrite(t *testing.T) {
	store := filepath.Join(t.TempDir(), "st[or]e")
	half := filepath.Join(store, "app", incoming+"123", "app.jar")
	kept := filepath.Join(store, "app", strings.Repeat("a", 64), "app.jar")
	write(t, half, nil)
	write(t, kept, nil)
	o := Options{Root: t.TempDir(), Store: store}
	_, err := New(o, nil)
	must(t, err)
	if _, err := os.Stat(filepath.Dir(half)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half-made copy stays: %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a set was removed: %v", err)
	}
	for _, open := range []string{store, filepath.Join(store, "app")} {
		must(t, os.Chmod(open, 0o777))
		if _, err := New(o, nil); err == nil || !strings.Contains(err.Error(), open+" can be written by others (mode 0777): chmod go-w "+open) {
			t.Errorf("with %s open to all: %v", open, err)
		}
		must(t, os.Chmod(open, 0o700))
	}
}

func TestResendAnswersEvenIfNothingHasChanged(t *testing.T) {
	root := t.TempDir()
	r := start(t, root)
	must(t, r.w.Resend("app"))
	contains(t, r.next(Refused).Reason, r.dir(), "is not there")
	write(t, r.dir("app.jar"), jar(t, "one"))
	set := r.ready()
	must(t, r.w.Resend())
	if again := r.next(Ready).Set; again.ID != set.ID {
		t.Errorf("sent again with ID %s, want %s", again.ID, set.ID)
	}
	r.w.loop.moved <- "" // is silence, as the next event shows
	write(t, r.dir("app.jar"), []byte("no JAR"))
	contains(t, r.refused(), "is not a JAR")
	must(t, r.w.Resend("app"))
	contains(t, r.next(Refused).Reason, "is not a JAR")
	if err := r.w.Resend("app", "none"); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("a service that is not there: %v", err)
	}
	if err := r.w.Run(t.Context(), nil); err == nil {
		t.Error("Run runs twice")
	}
}

func TestEachServiceThatIsAskedForIsAnswered(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "volume-good", "app.jar"), jar(t, "one"))
	write(t, filepath.Join(root, "volume-bad", "app.jar"), []byte("text"))
	must(t, os.Mkdir(filepath.Join(root, "volume-empty"), 0o755))
	var services []Service
	for _, name := range []string{"good", "bad", "empty", "missing"} {
		services = append(services, Service{Name: name, Dir: filepath.Join(root, "volume-"+name), Runs: "*"})
	}
	w, err := New(Options{Root: root, Store: filepath.Join(t.TempDir(), "store")}, services)
	must(t, err)
	must(t, w.Resend()) // which may come before Run
	r := run(t, w, root)
	answers := make(map[string]Event)
	for len(answers) < len(services) {
		select {
		case e := <-r.events:
			if e.Kind == Ready || e.Kind == Refused {
				answers[e.Service] = e
			}
		case <-time.After(deadline):
			t.Fatalf("answered are %v", answers)
		}
	}
	for service, want := range map[string]EventKind{"good": Ready, "bad": Refused, "empty": Refused, "missing": Refused} {
		if answers[service].Kind != want {
			t.Errorf("%s is %s, want %s", service, answers[service].Kind, want)
		}
	}
	has(t, answers["good"].Set, map[string][]byte{"app.jar": jar(t, "one")})
}

func TestNewSaysWhatIsWrongWithItsArguments(t *testing.T) {
	good := Options{Root: "/host", Store: filepath.Join(t.TempDir(), "store")}
	app := Service{Name: "app", Dir: "/host/volume-app"}
	for _, test := range []struct {
		name    string
		change  func(o *Options, s *Service)
		another bool
		want    string
	}{
		{"a relative root", func(o *Options, _ *Service) { o.Root = "host" }, false, `root "host"`},
		{"no store", func(o *Options, _ *Service) { o.Store = "" }, false, `store ""`},
		{"an unknown mode", func(o *Options, _ *Service) { o.Mode = "kqueue" }, false, `mode "kqueue"`},
		{"a negative time", func(o *Options, _ *Service) { o.Settle = -1 }, false, "settle -1ns"},
		{"a name that is a path", func(_ *Options, s *Service) { s.Name = "../app" }, false, `"../app"`},
		{"a relative folder", func(_ *Options, s *Service) { s.Dir = "volume-app" }, false, `folder "volume-app"`},
		{"a broken pattern", func(_ *Options, s *Service) { s.Files = []string{"[a"} }, false, `pattern "[a"`},
		{"a pattern that leads out", func(_ *Options, s *Service) { s.Files = []string{"../*"} }, false, `pattern "../*"`},
		{"a JAR that leads out", func(_ *Options, s *Service) { s.Runs = "../a.jar" }, false, `"../a.jar"`},
		{"a JAR that is none of the files", func(_ *Options, s *Service) { s.Runs, s.Files = "a.jar", []string{"*.yml"} }, false, `"a.jar" is to be run`},
		{"two services of one name", func(*Options, *Service) {}, true, "service app: is there twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, s := good, app
			test.change(&o, &s)
			services := []Service{s}
			if test.another {
				services = append(services, s)
			}
			if _, err := New(o, services); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
