package main

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var sample = []string{"authentication", "authorisation", "frontend", "person", "session", "web"}

const personSource = "person/src/main/java/jarloop/example/person/PersonApplication.java"

// up builds the example and waits until all of it is live and answers.
func (s *system) up() {
	s.t.Helper()
	s.gradle("buildJar")
	s.run()
	for _, service := range sample {
		s.agent.await(0, "live", service)
	}
	a, err := s.get(s.Client(false), "/api")
	if err != nil {
		s.t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(a.versions())); !slices.Equal(got, []string{"authorisation", "frontend", "person"}) {
		s.t.Fatalf("a request to /api went through %v", got)
	}
	s.settled()
}

// settled waits until each service has exactly one live generation, with its
// standby, and nothing else.
func (s *system) settled() { s.settledBut("") }

// settledBut is settled, but for one service of which other artefacts than the
// newest are live. If those have failed, one generation of it may be kept.
func (s *system) settledBut(pinned string) {
	s.t.Helper()
	s.agent.eventually("one live generation and one standby a service", func() bool {
		generations := s.generations()
		for _, status := range s.status().Services {
			want := []string{status.Generation}
			if status.Standby != "" {
				want = append(want, status.Standby)
			}
			if status.Failed != "" && status.State != "live" {
				want = append(want, status.Failed)
			}
			slices.Sort(want)
			if halfDone, err := filepath.Glob(filepath.Join(s.LXC, ".jarloop-[ng]*")); err != nil || len(halfDone) > 0 {
				return false // its folder is coming or going
			}
			got := slices.Sorted(slices.Values(generations[status.Service]))
			if status.State != "live" && status.Service != pinned || status.Standby == "" || !slices.Equal(got, want) {
				return false
			}
		}
		return true
	})
}

// live gives the live generation of each service.
func (s *system) live() map[string]string {
	s.t.Helper()
	live := map[string]string{}
	for _, status := range s.status().Services {
		live[status.Service] = status.Generation
	}
	return live
}

// hosts gives the hosts files of the live generations.
func (s *system) hosts() map[string]string {
	s.t.Helper()
	hosts := map[string]string{}
	for service, name := range s.live() {
		out, err := s.VM(s.ctx, "lxc-attach", "-P", s.LXC, "-n", name, "--", "cat", "/etc/hosts").Output()
		if err != nil {
			s.t.Fatalf("hosts of %s: %v", name, err)
		}
		hosts[service] = string(out)
	}
	return hosts
}

// differing gives the keys whose values differ.
func differing(a, b map[string]string) []string {
	var keys []string
	for k := range a {
		if a[k] != b[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (s *system) appendTo(file, text string) {
	s.t.Helper()
	s.write(filepath.Join(s.example, file), s.read(file)+text)
}

func (s *system) read(file string) string { return s.readAt(filepath.Join(s.example, file)) }

func (s *system) readAt(path string) string {
	s.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// jars gives the artefacts on the laptop's side of the share.
func (s *system) jars() []string {
	jars, err := filepath.Glob(filepath.Join(s.Share, "*", "*.jar"))
	if err != nil || len(jars) != 5 {
		s.t.Fatalf("jars: %v, %v", jars, err)
	}
	return jars
}

// otherJAR builds another version of a service's JAR somewhere else.
func (s *system) otherJAR(service string) string {
	s.t.Helper()
	name := strings.ToUpper(service[:1]) + service[1:] + "Application"
	s.appendTo(filepath.Join(service, "src/main/java/jarloop/example", service, name+".java"), "\n// another\n")
	elsewhere := filepath.Join(s.Dir, "elsewhere")
	if err := s.GradleTo(s.ctx, elsewhere, s.example, ":"+service+":buildJar"); err != nil {
		s.t.Fatal(err)
	}
	return filepath.Join(elsewhere, "volume-"+service, name+".jar")
}

// gradle runs the example's build on the laptop.
func (s *system) gradle(task string) {
	s.t.Helper()
	if err := s.Gradle(s.ctx, s.example, task); err != nil {
		s.t.Fatal(err)
	}
}

// forNewerJava gives the JAR with classes for Java 21 (JVMS 4.1, major_version), which
// the base has not.
func forNewerJava(t *testing.T, jar string) string {
	t.Helper()
	in, err := zip.NewReader(strings.NewReader(jar), int64(len(jar)))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	out := zip.NewWriter(&text)
	for _, entry := range in.File {
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(entry.Name, ".class") {
			content[6], content[7] = 0, 21+44
		}
		w, err := out.Create(entry.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func chunks(b []byte, n int) [][]byte {
	var parts [][]byte
	size := (len(b) + n - 1) / n
	for len(b) > 0 {
		k := min(size, len(b))
		parts = append(parts, b[:k])
		b = b[k:]
	}
	return parts
}
