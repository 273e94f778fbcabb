package watcher

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runs makes the service's command run this.
func runs(jar string, parts ...string) setup {
	return func(o *Options, s *Service) { s.Runs, s.Parts, o.Patience = jar, parts, 200*time.Millisecond }
}

// thin makes a JAR without a Main-Class.
func thin(t *testing.T) []byte { return zipOf(t, "app/Main.class", "classes alone") }

func TestShapesOfArtefacts(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup setup
		files string // one ending in "!" comes last: without it there is no set
		main  string
		note  string
	}{
		{"an executable WAR", runs("*"), "application.yml app.war!", "app.war", ""},
		{"one that exec names", runs("app.war"), "application.yml app.war!", "app.war", ""},
		{"a Quarkus folder", runs("quarkus-run.jar"), "app/app.jar- lib/main/x.jar- quarkus-run.jar!", "quarkus-run.jar", ""},
		{"one below a build's folder", runs("*"), "app.jar- quarkus-app/lib/x.jar- quarkus-app/quarkus-run.jar!", "quarkus-app/quarkus-run.jar",
			"quarkus-app/quarkus-run.jar runs, the only one with a Main-Class"},
		{"a class path", runs("", "classes/", "lib/*.jar"), "classes/app/Main.class lib/x.jar-!", "", ""},
		{"a start script and its libraries", runs("", "bin/app"), "lib/app.jar- bin/app!", "", ""},
		{"the same by default", runs("*"), "bin/app bin/app.bat lib/app.jar-!", "bin/app", ""},
		{"a shadow JAR", runs("*"), "app.jar- app-all.jar!", "app-all.jar", "app-all.jar runs, the one with its libraries in it"},
		{"one that can run without its libraries beside it", runs("*"), "app-1.0.jar app-1.0-all.jar!", "app-1.0-all.jar", "app-1.0-all.jar runs, the one with its libraries in it"},
		{"of Maven's assembly", runs("*.jar"), "app-jar-with-dependencies.jar app.jar!", "app-jar-with-dependencies.jar", "app-jar-with-dependencies.jar runs, the one with its libraries in it"},
		{"of Quarkus, in one JAR", runs("*"), "app-1.0.jar- app-1.0-runner.jar!", "app-1.0-runner.jar", "app-1.0-runner.jar runs, the one with its libraries in it"},
		{"a pattern that matches two", runs("app*.jar"), "app-1-thin.jar- other.jar app-1.jar!", "app-1.jar", "app-1.jar runs, the only one with a Main-Class"},
		{"what Gradle and Maven make beside", runs("*"), "app-plain.jar- app-sources.jar- original-app.jar app.jar!", "app.jar",
			"app-plain.jar, app-sources.jar, original-app.jar is passed over"},
		{"configuration alone", runs(""), "nginx.conf conf.d/site.conf!", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root, r := t.TempDir(), (*rig)(nil)
			want := map[string][]byte{}
			for name := range strings.FieldsSeq(c.files) {
				name, last := strings.CutSuffix(name, "!")
				name, isThin := strings.CutSuffix(name, "-")
				data := []byte("text of " + name)
				if isThin {
					data = thin(t)
				} else if IsArchive(name) {
					data = jar(t, name)
				}
				if !IsCompanion(name) {
					want[name] = data
				}
				if last {
					r = start(t, root, c.setup)
					if c.setup != nil && !strings.Contains(c.name, "alone") && c.note == "" {
						contains(t, r.next(Missing).Reason, "build it")
					}
				}
				write(t, filepath.Join(root, "volume-app", name), data)
			}
			var e Event
			for e = range r.events {
				if e.Kind == Ready {
					break
				}
			}
			has(t, e.Set, want)
			o, s := Options{}, Service{}
			c.setup(&o, &s)
			if main, err := e.Set.Main(s.Runs); err != nil || main != c.main || e.Reason != c.note {
				t.Errorf("%q runs (%v) and %q is said, want %q and %q", main, err, e.Reason, c.main, c.note)
			}
			for _, f := range e.Set.Files {
				if program := f.Name == "bin/app"; (f.Mode&0o111 != 0) != program {
					t.Errorf("%s has mode %v", f.Name, f.Mode)
				}
			}
		})
	}
}

func TestWhatIsPassedOverIsSaidOnce(t *testing.T) {
	r := start(t, t.TempDir(), runs("*"))
	write(t, r.dir("app-plain.jar"), thin(t))
	contains(t, r.next(Missing).Reason, "app-plain.jar is passed over", "name this one in exec")
	write(t, r.dir("app.jar"), jar(t, "one"))
	r.next(Changed)
	if e := r.next(Ready); e.Reason != "app-plain.jar is passed over" {
		t.Errorf("%q is said", e.Reason)
	}
	write(t, r.dir("app-plain.jar"), zipOf(t, "app/Other.class", "changed with it"))
	write(t, r.dir("app.jar"), jar(t, "the second"))
	if e := r.next(Changed); len(e.Changes) != 1 {
		t.Errorf("changes are %+v", e.Changes)
	}
	if e := r.next(Ready); e.Reason != "" {
		t.Errorf("%q is said again", e.Reason)
	}
}

func TestSeveralThatCouldRunAreRefused(t *testing.T) {
	for want, second := range map[string][]byte{
		"2 JARs with a Main-Class among a.jar, b.jar; remove what is old":                                        jar(t, "b"),
		"none of a.jar, b.jar has a Main-Class in its manifest; set it in the build, or say in exec what to run": nil,
	} {
		root, first := t.TempDir(), jar(t, "a")
		if second == nil {
			first, second = thin(t), thin(t)
		}
		write(t, filepath.Join(root, "volume-app", "a.jar"), first)
		write(t, filepath.Join(root, "volume-app", "b.jar"), second)
		contains(t, start(t, root, runs("*")).refused(), want)
	}
}

func TestHalfOfWhatRunsIsNeverDeployed(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	native, err := os.ReadFile(self)
	must(t, err)
	if string(native[:4]) != elf.ELFMAG {
		t.Fatalf("%s is no native program", self)
	}
	for _, c := range []struct {
		name  string
		setup setup
		file  string
		whole []byte
		want  string
	}{
		{"a WAR", runs("app.war"), "app.war", jar(t, "war"), "app.war is cut short"},
		{"an archive by another name", runs("app.bin"), "app.bin", jar(t, "bin"), "app.bin is cut short"},
		{"a library of the class path", runs("", "lib/*.jar"), "lib/x.jar", thin(t), "lib/x.jar is cut short"},
		{"a native program", runs("", "app"), "app", native, "app is cut short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, t.TempDir(), c.setup)
			write(t, r.dir(c.file), c.whole[:len(c.whole)*2/3])
			contains(t, r.refused(), c.want)
			write(t, r.dir(c.file), c.whole)
			has(t, r.ready(), map[string][]byte{c.file: c.whole})
		})
	}
}

func TestAFolderOfWhichNoFileCountsIsSaid(t *testing.T) {
	r := start(t, t.TempDir(), runs("*"), func(_ *Options, s *Service) { s.Files = []string{"*.jar", "*.yml"} })
	must(t, os.Mkdir(r.dir(), 0o755))
	must(t, r.w.Resend())
	contains(t, r.next(Refused).Reason, "there is no artefact yet")
	write(t, r.dir("app.war"), jar(t, "war"))
	contains(t, r.next(Missing).Reason, "no file matches files (*.jar, *.yml)", "(there is: app.war)")
	must(t, r.w.Resend())
	contains(t, r.next(Refused).Reason, "no file matches files", "app.war")
}

func TestWhatIsToRunHasToBeAnArtefact(t *testing.T) {
	for want, s := range map[string]Service{
		`"bin/app" is to be run but is none of its files`: {Parts: []string{"bin/app"}, Files: []string{"lib/*"}},
		`"app.jar" is to be run but is ignored`:           {Runs: "app.jar", Ignore: []string{"*.jar"}},
		`"../a", which is to be run, leads out`:           {Parts: []string{"../a"}},
	} {
		s.Name, s.Dir = "app", "/host/app"
		if err := Check([]Service{s}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
