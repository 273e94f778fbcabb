package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
	"github.com/jarloop/jarloop/cmd/internal/lab/apps"
)

// application is one of a public framework, whose source is in testdata/apps and of
// which a page of docs/shapes tells.
type application struct {
	name string
	// web says that its path / answers with its version. Of another one the version
	// is in what it prints.
	web bool
	// quiet says that it prints nothing of its version either.
	quiet bool
	// visits says that it keeps how often /visits was posted to.
	visits bool
	// with is a server that init adds for it. The lines that init has for who uses it
	// go into its table.
	with string
	// front is the service that is asked, where it is another one.
	front string
}

var applications = []application{
	{name: "boot-h2", web: true, visits: true},
	{name: "boot-postgresql", web: true, visits: true, with: "postgresql"},
	{name: "boot-war", web: true},
	{name: "boot-worker"},
	{name: "dropwizard", web: true, visits: true},
	{name: "grpc", quiet: true},
	{name: "helidon", web: true},
	{name: "installdist", web: true},
	{name: "javalin", web: true},
	{name: "jobs", web: true, visits: true, front: "web"},
	{name: "micronaut", web: true},
	{name: "onejar", web: true},
	{name: "quarkus", web: true},
	{name: "vertx", web: true},
}

// TestPublicApplications takes applications of public frameworks through what the pages
// of docs/shapes say: the build, init, run, an edit and the same build again; and then
// the way back.
func TestPublicApplications(t *testing.T) {
	if os.Getenv("JARLOOP_APPS") == "" {
		t.Skip("make apps runs this: the builds want libraries from a registry")
	}
	for _, a := range applications {
		t.Run(a.name, a.test)
	}
}

func (a application) test(t *testing.T) {
	s := newLab(t, true)
	source := filepath.Join(s.Dir, "source")
	app, err := apps.Find(checkout, a.name)
	must(t, err)
	must(t, app.CopySource(s.ctx, source))
	page := s.readAt(filepath.Join(checkout, "docs/shapes", a.name+".md"))
	if err := app.Build(s.ctx, source, s.Share); errors.As(err, &apps.NoJDKError{}) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	a.init(s, page)
	agent := s.run()
	first := agent.await(0, "live", a.name)
	if a.front != "" {
		agent.await(0, "live", a.front)
	}
	a.answers(s, "1")
	if a.visits {
		a.post(s, "1")
	}

	load := a.load(s)
	from := agent.now()
	must(t, apps.Edit(source, "version 2"))
	must(t, app.Build(s.ctx, source, s.Share))
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

// init writes the configuration that jarloop init does, with the lab's folders, and
// the port of the laptop. What it writes of the service is what the page says.
func (a application) init(s *system, page string) {
	s.t.Helper()
	written := filepath.Join(s.Dir, "init.toml")
	argv := []string{s.program, "init", s.Host, "-o", written}
	if a.with != "" {
		argv = append(argv, "--with", a.with)
	}
	out, err := s.VM(s.ctx, argv...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("init: %v: %s", err, out)
	}
	text := s.readAt(written)
	want, err := apps.Fenced(page, "toml")
	must(s.t, err)
	if !strings.Contains(text, "\n"+want) {
		s.t.Errorf("init says:\n%s\nand writes:\n%s\nnot:\n%s", out, text, want)
	}
	if a.with != "" {
		_, rest, _ := strings.Cut(text, "# Who uses it says:\n")
		lines, _, found := strings.Cut(rest, "[service."+a.with+"]")
		if !found {
			s.t.Fatalf("init has no lines for who uses %s:\n%s", a.with, text)
		}
		table := "[service." + a.name + "]\n"
		text = replace(s.t, text, map[string]string{"\n" + table: "\n" + table + strings.ReplaceAll(lines, "#   ", "")})
	}
	text = fmt.Sprintf("state = %q\nrun = %q\n", filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "run")) +
		text + fmt.Sprintf("\n[lxc]\npath = %q\n", s.LXC)
	if a.web && !strings.Contains(text, "\n[[publish]]") {
		text += fmt.Sprintf("\n[[publish]]\nport = 80\nservice = %q\n", a.name)
	}
	s.write(s.config, text)
	s.provision()
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
