package main

import (
	"slices"
	"strings"
	"testing"
)

func TestTheSampleSystemOnInotify(t *testing.T) {
	s := newSystem(t, false)
	// And the other way of names.
	s.write(s.config, replace(t, s.configuration(), map[string]string{`= "vip"`: `= "hosts"`}))
	s.up()
	status := s.status()
	if !strings.Contains(status.Watching, "inotify") {
		t.Errorf("the agent says of the share: %s", status.Watching)
	}
	for _, service := range status.Services {
		if service.Memory < 1<<20 || service.Restarts != 0 {
			t.Errorf("%s holds %d bytes and was started %d times again", service.Service, service.Memory, service.Restarts)
		}
	}
	clients := s.startTraffic("/api")
	live, hosts, from := s.live(), s.hosts(), s.agent.now()
	s.appendTo(personSource, "\n// changed\n")
	s.gradle("buildJar")
	s.agent.await(from, "live", "person")
	s.settled()
	if got := differing(live, s.live()); !slices.Equal(got, []string{"person"}) {
		t.Errorf("new generations of %v", got)
	}
	out, code := s.verb("logs", "person")
	if first, second := strings.Index(out, live["person"]+" "), strings.Index(out, s.live()["person"]+" "); code != 0 || first < 0 || second < first {
		t.Errorf("logs of both generations exit with %d: %s", code, out)
	}
	// Those that call person.
	if got := differing(hosts, s.hosts()); !slices.Equal(got, []string{"frontend", "web"}) {
		t.Errorf("new hosts files of %v", got)
	}
	from = s.agent.now()
	for _, jar := range s.jars() {
		s.write(jar, s.readAt(jar)) // the same bytes, written once more
	}
	s.quiet(from)
	clients.stop(t)
}

// quiet makes sure that nothing that has happened by now leads to a deploy:
// all that comes after it is asked to be deployed, and only that is.
func (s *system) quiet(from int) {
	s.t.Helper()
	// Files settle and are looked at in order: what is asked of the agent now
	// is answered after what was changed before.
	before := s.live()
	if out, code := s.verb("deploy", "authorisation"); code != 0 {
		s.t.Fatalf("deploy exits with %d: %s", code, out)
	}
	s.settled()
	for _, l := range s.agent.said(from, func(l logLine) bool { return l.Message == "deploying" }) {
		if l.Service != "authorisation" {
			s.t.Errorf("deployed: %s", l.text)
		}
	}
	if got := differing(before, s.live()); !slices.Equal(got, []string{"authorisation"}) {
		s.t.Errorf("new generations of %v", got)
	}
}
