package main

import (
	"archive/zip"
	"bytes"
	stdcmp "cmp"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/lab/apps"
)

// built makes a JAR with a folder, and the entries.
func built(t *testing.T, entries map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	if _, err := w.Create("apps/"); err != nil {
		t.Fatal(err)
	}
	for name, text := range entries {
		e, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAnEditionDiffersInTheClassThatSaysItsVersion(t *testing.T) {
	class := func(version string) string { return "\xca\xfe\xba\xbe" + string(constant(version)) + "code" }
	for _, c := range []struct {
		name string
		jar  func(class string) string
	}{
		{"of a JAR", func(class string) string {
			return built(t, map[string]string{"apps/A.class": class, "apps/B.class": "code", "lib/C.class": class})
		}},
		{"of Spring Boot", func(class string) string {
			return built(t, map[string]string{"BOOT-INF/classes/apps/A.class": class})
		}},
		{"of one-jar", func(class string) string {
			return built(t, map[string]string{"main/main.jar": built(t, map[string]string{"apps/A.class": class}), "lib/a.jar": "library"})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			for name, text := range map[string]string{"a.jar": c.jar(class("version 1")), "app.yml": "port: 1"} {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			e, err := readEdition(folder, "version 1")
			if err != nil {
				t.Fatal(err)
			}
			files, err := e.as("version 1007")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(files["app.yml"]); got != "port: 1" {
				t.Errorf("app.yml is %q", got)
			}
			before, after := entries(t, e.files["a.jar"]), entries(t, files["a.jar"])
			if inner, nested := after["main/main.jar"]; nested {
				before, after = entries(t, []byte(before["main/main.jar"])), entries(t, []byte(inner))
			}
			changed := 0
			for name, text := range before {
				if after[name] == text {
					continue
				}
				changed++
				if after[name] != class("version 1007") {
					t.Errorf("%s is %q", name, after[name])
				}
			}
			if changed != 1 || len(after) != len(before) {
				t.Errorf("%d of %d entries have changed, now %d", changed, len(before), len(after))
			}
			if _, err := readEdition(folder, "version 2"); err == nil {
				t.Error("another build is taken for it")
			}
		})
	}
}

func TestAnotherLibraryHasAnotherNameAndOneFileMore(t *testing.T) {
	library := built(t, map[string]string{"org/A.class": "code"})
	jar := built(t, map[string]string{"BOOT-INF/lib/a.jar": library, "BOOT-INF/classes/apps/A.class": "code"})
	data, found, err := otherLibrary([]byte(jar), "7")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	all := entries(t, data)
	got := entries(t, []byte(all["BOOT-INF/lib/a-7.jar"]))
	delete(all, "BOOT-INF/lib/a-7.jar")
	if diff := cmp.Diff(map[string]string{"apps/": "", "org/A.class": "code", "META-INF/edited-7": ""}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"apps/": "", "BOOT-INF/classes/apps/A.class": "code"}, all); diff != "" {
		t.Error(diff)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if f.Name == "BOOT-INF/lib/a-7.jar" && f.Method != zip.Store {
			t.Error("Spring Boot cannot read it where it lies")
		}
	}
	if _, found, err := otherLibrary([]byte(library), "7"); err != nil || found {
		t.Errorf("a JAR without libraries has one: %v", err)
	}
}

func TestArchivesAreThoseBesideTheJDKs(t *testing.T) {
	const maps = `7f00-7f01 rw-p 00001000 08:01 12 /usr/lib/jvm/java-17-openjdk-amd64/lib/server/classes.jsa
7f02-7f03 rw-p 00001000 08:01 13   /var/lib/jarloop/shared/3f2a/clinic.jsa
7f03-7f04 r--p 00002000 08:01 13   /var/lib/jarloop/shared/3f2a/clinic.jsa
7f05-7f06 r--p 00002000 08:01 14   /clinic/clinic-1.jar
7f07-7f08 rw-p 00000000 00:00 0
`
	if diff := cmp.Diff([]string{"/var/lib/jarloop/shared/3f2a/clinic.jsa"}, archivesIn(maps)); diff != "" {
		t.Error(diff)
	}
}

func TestARowComparesRoundByRound(t *testing.T) {
	trial := &trial{
		rig:     &rig{bench: &bench{report: &report{}}},
		subject: subject{name: "a", limits: limits{fast: 0.5, off: 1.08}},
		built:   editions{{files: map[string][]byte{"a.jar": []byte("four")}}},
		offs:    true,
		row:     newRow("a"),
	}
	trial.row.Requests, trial.row.Failed = 40, 1
	for i, seconds := range []float64{2, 4, 10} {
		for as, part := range map[measured]float64{plainly: 1, typed: 2, fast: 0.4, off: 1.1} {
			took := time.Duration(seconds * part * float64(time.Second))
			trial.row.add(as, took, took*time.Duration(i+1))
		}
		trial.row.Traces = append(trial.row.Traces, trace{Name: string(fast), Live: 70, Answer: seconds * 400, Steps: []step{{"start", 5}, {"prove", float64(i + 1)}, {"switch", 7}}})
	}
	trial.judge()
	pass := map[string]bool{}
	for _, c := range trial.report.Checks {
		pass[c.Name] = c.Pass
	}
	want := map[string]bool{"a: (r)/(p), median": true, "a: (s)/(p), median": false, "a: from the last byte to exec, 0 MB in 1 files, median ms": false, "a: failed of 40 requests": false}
	if diff := cmp.Diff(want, pass); diff != "" {
		t.Error(diff)
	}
	row := trial.report.Apps[0]
	if got := row.Ratios["(r)/(q)"]; got != 0.2 {
		t.Errorf("(r)/(q) is %v", got)
	}
	if got := row.medianTrace(fast); got.Answer != 1600 || got.exec() != 61 {
		t.Errorf("the median redeploy is %v", got)
	}
	if row.Files != 1 || row.Bytes != 4 {
		t.Errorf("%d files of %d bytes", row.Files, row.Bytes)
	}
}

func TestOfTwoBuildsEachIsNextInTurn(t *testing.T) {
	jar := func(version string) []byte {
		return []byte(built(t, map[string]string{"apps/A.class": string(constant(version))}))
	}
	var e editions
	for i, version := range builtVersions {
		e[i] = edition{map[string][]byte{"a.jar": jar(version), "of": []byte(version)}, "a.jar", version}
	}
	seen := map[string]bool{}
	for n := range 4 {
		files, version, err := e.next(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(files["of"]); got != builtVersions[n%2] || seen[version] {
			t.Errorf("%s is of the build of %s", version, got)
		}
		seen[version] = true
	}
	e[1].files["a.jar"] = jar("version 9")
	if _, _, err := e.next(1); err == nil {
		t.Error("a JAR without its version is taken")
	}
}

func TestAnApplicationThatIsNotThereIsNamed(t *testing.T) {
	b := &bench{only: []string{"no-such"}}
	err := b.main(t.Context(), "apps", "", t.TempDir())
	if err == nil || errors.Is(err, os.ErrPermission) || !bytes.Contains([]byte(err.Error()), []byte(`no application "no-such"; there are clinic`)) {
		t.Errorf("got %v", err)
	}
	for _, s := range subjects {
		if _, err := apps.Find("../..", stdcmp.Or(s.source, s.name)); err != nil {
			t.Error(err)
		}
	}
}
