package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// saveConfig replaces the configuration as an editor does.
func (s *system) saveConfig(text string) {
	s.t.Helper()
	s.write(s.config+".new", text)
	if err := os.Rename(s.config+".new", s.config); err != nil {
		s.t.Fatal(err)
	}
}

// TestTheConfigurationIsTakenUpWhileRunning changes the configuration under
// traffic: only what has changed is done, and no request fails.
func TestTheConfigurationIsTakenUpWhileRunning(t *testing.T) {
	s := newSystem(t, false)
	s.up()
	clients := s.startTraffic("/api")
	text := s.configuration()
	change := func(by map[string]string) { text = replace(s.t, text, by); s.saveConfig(text) }

	s.sub("a changed command redeploys its service alone", func(t *testing.T) {
		live, from, saved := s.live(), s.agent.now(), time.Now()
		change(map[string]string{"-jar /person/PersonApplication.jar": "-Dchanged=yes -jar /person/PersonApplication.jar"})
		t.Logf("live after %s", s.agent.await(from, "live", "person").at.Sub(saved))
		s.agent.await(from, "retired", "person")
		s.settled()
		if got := differing(live, s.live()); !slices.Equal(got, []string{"person"}) {
			t.Errorf("new generations of %v", got)
		}
		if commands := s.commands(s.live()["person"]); !strings.Contains(commands, "-Dchanged=yes") {
			t.Errorf("person runs %q", commands)
		}
	})

	s.sub("a published port answers from the laptop, and then no longer", func(t *testing.T) {
		live, before := s.live(), text
		client := s.Client(false)
		const second = "\n[[publish]]\ninterface = \"eth0\"\nport = 81\nservice = \"frontend\"\n"
		text += second
		s.saveConfig(text)
		s.agent.eventually("port 81 answers", func() bool { return answers(client, "http://"+lab.Address+":81/health") })
		s.saveConfig(before)
		text = before
		s.agent.eventually("port 81 refuses", func() bool { return !answers(client, "http://"+lab.Address+":81/health") })
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("a configuration that is wrong changes nothing, and is told once", func(t *testing.T) {
		live, from := s.live(), s.agent.now()
		refused := func(l logLine) bool { return l.Message == "refused" && l.Service == "" }
		s.saveConfig("[service.person\n")
		s.agent.eventually("an error", func() bool { return len(s.agent.said(from, refused)) > 0 })
		if l := s.agent.said(from, refused)[0]; !strings.Contains(l.Reason, s.config+":1:") {
			t.Errorf("it does not say where: %s", l.text)
		}
		s.appendTo(personSource, "\n// built while the configuration is wrong\n")
		s.gradle(":person:buildJar")
		s.agent.await(from, "live", "person")
		s.saveConfig(text)
		s.agent.eventually("it is in order again", func() bool {
			return len(s.agent.said(from, func(l logLine) bool { return strings.Contains(l.Message, "in order again") })) > 0
		})
		s.settled()
		if n := len(s.agent.said(from, refused)); n != 1 {
			t.Errorf("%d errors", n)
		}
		if got := differing(live, s.live()); !slices.Equal(got, []string{"person"}) {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("a need comes and goes without a deploy", func(t *testing.T) {
		live := s.live()
		change(map[string]string{"port   = 8084\n": "port   = 8084\nneeds  = [\"person\"]\n"})
		s.agent.eventually("session knows person", func() bool { return strings.Contains(s.hosts()["session"], "person") })
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("a service that has gone is removed, and comes again", func(t *testing.T) {
		live, whole, from := s.live(), text, s.agent.now()
		start := strings.Index(text, "[service.authentication]")
		end := strings.Index(text, "[service.authorisation]")
		change(map[string]string{text[start:end]: "", `"frontend", "authentication", "session"`: `"frontend", "session"`})
		s.agent.await(from, "retired", "authentication")
		s.agent.eventually("its containers are gone", func() bool { return len(s.generations()["authentication"]) == 0 })
		s.settled()
		if got := differing(live, s.live()); !slices.Equal(got, []string{"authentication"}) {
			t.Errorf("changed are %v", got)
		}
		from = s.agent.now()
		text = whole
		s.saveConfig(text)
		s.agent.await(from, "live", "authentication")
		s.settled()
	})

	s.sub("others are told, and hooks run", func(t *testing.T) {
		told := filepath.Join(s.Dir, "told")
		change(map[string]string{
			"#[notify]\n":     fmt.Sprintf("[notify]\ncommand = \"cat >>%s\"\n", told),
			"port   = 8085\n": "port   = 8085\nbefore_deploy = \"echo checks $JARLOOP_GENERATION\"\nafter_deploy = \"exit 3\"\n",
		})
		s.agent.eventually("it is taken up", func() bool {
			return len(s.agent.said(0, func(l logLine) bool { return strings.Contains(l.Message, "notify changed") })) > 0
		})
		from := s.agent.now()
		s.appendTo(personSource, "\n// built for the hooks\n")
		s.gradle(":person:buildJar")
		generation := s.agent.await(from, "live", "person").Generation
		s.agent.await(from, "checks "+generation, "person")
		s.agent.await(from, "warning", "person")
		s.agent.eventually("the event has come", func() bool {
			text, err := os.ReadFile(told)
			return err == nil && strings.Contains(string(text), `"event":"live"`) && strings.Contains(string(text), generation)
		})
		s.settled()
	})

	s.sub("a debugger reaches the live generation", func(t *testing.T) {
		live, from := s.live(), s.agent.now()
		change(map[string]string{"port   = 8084\n": "port   = 8084\ndebug  = 5005\n"})
		s.agent.await(from, "live", "session")
		s.agent.await(from, "retired", "session")
		s.agent.eventually("it answers the debugger", s.shakesHands)
		from = s.agent.now()
		s.appendTo("session/src/main/java/jarloop/example/session/SessionApplication.java", "\n// built for the debugger\n")
		s.gradle(":session:buildJar")
		s.agent.await(from, "live", "session")
		s.agent.await(from, "retired", "session")
		if !s.shakesHands() {
			t.Error("the next generation does not answer the debugger")
		}
		s.settled()
		if got := differing(live, s.live()); !slices.Equal(got, []string{"session"}) {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("what only a restart can change is said", func(t *testing.T) {
		live, from := s.live(), s.agent.now()
		change(map[string]string{`settle = "20ms"`: `settle = "60ms"`})
		s.agent.eventually("it is said", func() bool {
			return len(s.agent.said(from, func(l logLine) bool { return l.Message == "restart jarloop run for: watch.settle" })) > 0
		})
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})
	clients.stop(t)
	before := s.inventory()
	s.invariant(before)
	if status := s.agent.stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// commands gives the command lines of all processes of a container.
func (s *system) commands(container string) string {
	s.t.Helper()
	out, err := s.VM(s.ctx, "lxc-attach", "-P", s.LXC, "-n", container, "--", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return string(out)
}

func answers(client *http.Client, url string) bool {
	response, err := client.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// shakesHands says whether a JVM answers on the debugger's port, from the laptop.
func (s *system) shakesHands() bool {
	const hand = "JDWP-Handshake" // each side begins with it
	out, _ := s.Laptop(s.ctx, "timeout", "5", "bash", "-c",
		"exec 3<>/dev/tcp/"+lab.Address+"/5005; printf "+hand+" >&3; head -c 14 <&3").Output()
	return string(out) == hand
}
