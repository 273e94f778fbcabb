package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// application is what a build of a public framework leaves, in two versions.
type application struct {
	name string
	// web says that its path / answers with its version. Of another one the version
	// is in what it prints.
	web bool
	// quiet says that it prints nothing of its version either.
	quiet bool
	// visits says that it keeps how often /visits was posted to.
	visits bool
	// needs are tables of the configuration that stand in for what init cannot know.
	needs string
}

var applications = []application{
	{name: "boot-h2", web: true, visits: true},
	{name: "boot-war", web: true},
	{name: "boot-worker"},
	{name: "dropwizard", web: true, visits: true},
	{name: "grpc", quiet: true},
	{name: "installdist", web: true},
	{name: "javalin", web: true},
	{name: "micronaut", web: true},
	{name: "quarkus", web: true},
	{name: "vertx", web: true},
}

// TestPublicApplications takes applications of public frameworks as their own builds
// make them through init, run, one edit, and the way back. They are built by
// testdata/apps/build, into the folder that JARLOOP_APPS names.
func TestPublicApplications(t *testing.T) {
	built := os.Getenv("JARLOOP_APPS")
	if built == "" {
		t.Skip("make apps builds the applications, whose libraries come from a registry, and runs this")
	}
	for _, a := range applications {
		t.Run(a.name, func(t *testing.T) { a.test(t, built) })
	}
}

func (a application) test(t *testing.T, built string) {
	s := newLab(t, true)
	a.copy(s, filepath.Join(built, "1"))
	a.init(s)
	agent := s.run()
	first := agent.await(0, "live", a.name)
	a.answers(s, "1")
	if a.visits {
		a.post(s, "1")
	}

	load := a.load(s)
	from := agent.now()
	a.copy(s, filepath.Join(built, "2"))
	second := agent.await(from, "live", a.name)
	a.answers(s, "2")
	if all := agent.said(from, func(l logLine) bool { return l.Message == "deploying" }); len(all) != 1 {
		t.Errorf("%d deploys for one build: %v", len(all), all)
	}
	if a.visits {
		a.post(s, "2")
	}
	t.Logf("live: %s\nthen: %s", first.text, second.text)

	if out, status := s.verb("rollback", a.name); status != 0 {
		t.Errorf("rollback: status %d: %s", status, out)
	}
	a.answers(s, "1")
	if load != nil {
		load.stop(t)
	}
	if a.visits {
		a.post(s, "3")
	}
	if status := agent.stop(); status != 0 {
		t.Errorf("the agent has ended with status %d", status)
	}
}

// copy brings a version into the share, as a build on the laptop would.
func (a application) copy(s *system, from string) {
	s.t.Helper()
	to := filepath.Join(s.Share, "volume-"+a.name)
	if out, err := exec.CommandContext(s.ctx, "cp", "-rT", filepath.Join(from, a.name), to).CombinedOutput(); err != nil {
		s.t.Fatalf("copy the build: %v: %s", err, out)
	}
}

// init writes the configuration that jarloop init does, with the lab's folders, and
// the port of the laptop.
func (a application) init(s *system) {
	s.t.Helper()
	written := filepath.Join(s.Dir, "init.toml")
	out, err := s.VM(s.ctx, s.program, "init", s.Host, "-o", written).CombinedOutput()
	if err != nil {
		s.t.Fatalf("init: %v: %s", err, out)
	}
	text := s.readAt(written)
	s.t.Logf("init says:\n%s\nand writes:\n%s", out, text)
	text = fmt.Sprintf("state = %q\nrun = %q\n", filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "run")) +
		text + fmt.Sprintf("\n[lxc]\npath = %q\n", s.LXC) + a.needs
	if a.web && !strings.Contains(text, "\n[[publish]]") {
		text += fmt.Sprintf("\n[[publish]]\nport = 80\nservice = %q\n", a.name)
	}
	s.write(s.config, text)
	// Outside of the lab, whose VM has no way to packages.
	if out, err := exec.CommandContext(s.ctx, s.program, "provision", "--config", s.config).CombinedOutput(); err != nil {
		s.t.Fatalf("provision: %v: %s", err, out)
	}
}

// answers waits for the answer of a version. Where something is live it is there at
// once; where a worker is, it comes with what it prints next.
func (a application) answers(s *system, version string) {
	s.t.Helper()
	switch {
	case a.web:
		if got, err := a.ask(s, http.MethodGet, "/"); err != nil || got != "version "+version {
			s.t.Errorf("the laptop gets %q (%v) for version %s", got, err, version)
		}
	case !a.quiet:
		s.agent.eventually("version "+version+" works", func() bool {
			out, _ := s.verb("logs", a.name)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			return strings.Contains(lines[len(lines)-1], "version "+version+" has worked")
		})
	}
}

// post counts a visit, which is to be that of this number.
func (a application) post(s *system, number string) {
	s.t.Helper()
	if got, err := a.ask(s, http.MethodPost, "/visits"); err != nil || got != number {
		s.t.Errorf("visit %q (%v), want %s", got, err, number)
	}
}

func (a application) ask(s *system, method, path string) (string, error) {
	request, err := http.NewRequestWithContext(s.ctx, method, "http://"+lab.Address+path, nil)
	if err != nil {
		return "", err
	}
	response, err := s.Client(false).Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", response.Status)
	}
	return string(body), err
}

// load asks all the time, where there is anything to ask.
func (a application) load(s *system) *traffic {
	if !a.web {
		return nil
	}
	return s.startRequests(20*time.Millisecond, func() error {
		got, err := a.ask(s, http.MethodGet, "/")
		if err == nil && !strings.HasPrefix(got, "version ") {
			err = fmt.Errorf("the answer is %q", got)
		}
		return err
	})
}
