package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// TestTheOriginalLayoutRuns has the folders that an older system left, with its
// jobs of upstart and no configuration: init writes one, and all answer.
func TestTheOriginalLayoutRuns(t *testing.T) {
	s := newSystem(t, true)
	s.gradle("buildJar")
	jobs := filepath.Join(s.Share, "upstart")
	if err := os.Mkdir(jobs, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, service := range sample {
		if service == "web" {
			continue
		}
		s.write(filepath.Join(jobs, service+".conf"), fmt.Sprintf("description \"%[1]s\"\nstart on runlevel [2345]\nrespawn\n"+
			"env JAVA_OPTS=\"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC\"\n"+
			"exec java $JAVA_OPTS -jar /%[1]s/%[2]sApplication.jar server /%[1]s/config.yml\n", service, strings.ToUpper(service[:1])+service[1:]))
	}
	if err := os.Remove(s.config); err != nil {
		t.Fatal(err)
	}
	out, err := s.VM(s.ctx, s.program, "init", s.Host, "-o", s.config).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	// All but the lab's own places, and who is root in its bases, is as it was written.
	written := regexp.MustCompile(`(?m)^privileged .*\n`).ReplaceAllString(string(text), "")
	s.write(s.config, fmt.Sprintf("state = %q\nrun = %q\n[lxc]\npath = %q\n", filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "run"), s.LXC)+written)

	s.run()
	for _, service := range sample {
		s.agent.await(0, "live", service)
	}
	a, err := s.get(s.Client(false), "/api")
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(a.versions())); !slices.Equal(got, []string{"authorisation", "frontend", "person"}) {
		t.Errorf("a request to /api went through %v", got)
	}
	for _, path := range []string{"/authentication/", "/session/"} {
		if _, err := s.get(s.Client(false), path); err != nil {
			t.Error(err)
		}
	}
	s.agent.stop()
	if out, status := s.verb("clean"); status != exit.Done {
		t.Errorf("clean: %d: %s", status, out)
	}
}
