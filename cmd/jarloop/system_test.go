package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheSampleSystem(t *testing.T) {
	s := newSystem(t, true)
	s.up()
	if choice := s.status().Watching; !strings.Contains(choice, "poll") || !strings.Contains(choice, "fuse") {
		t.Errorf("the agent says of the share: %s", choice)
	}
	clients := s.startTraffic("/api")
	before := s.inventory()
	s.invariant(before)

	s.sub("one changed source file redeploys one service", func(t *testing.T) {
		live, hosts := s.live(), s.hosts()
		before, err := s.get(s.Client(false), "/api")
		if err != nil {
			t.Fatal(err)
		}
		from := s.agent.now()
		s.appendTo(personSource, "\n// changed\n")
		s.gradle("buildJar")
		s.agent.await(from, "live", "person")
		s.agent.await(from, "retired", "person")
		s.settled()
		after, err := s.get(s.Client(false), "/api")
		if err != nil {
			t.Fatal(err)
		}
		if got := differing(before.versions(), after.versions()); !slices.Equal(got, []string{"person"}) {
			t.Errorf("new versions of %v; before %v, after %v", got, before, after)
		}
		if got := differing(live, s.live()); !slices.Equal(got, []string{"person"}) {
			t.Errorf("new generations of %v", got)
		}
		if got := differing(hosts, s.hosts()); len(got) > 0 {
			t.Errorf("new hosts files of %v, though names lead to fixed addresses", got)
		}
	})

	s.sub("a rebuild that changes nothing deploys nothing", func(t *testing.T) {
		from := s.agent.now()
		later := time.Now().Add(time.Hour)
		for _, jar := range s.jars() {
			if err := os.Chtimes(jar, later, later); err != nil {
				t.Fatal(err)
			}
		}
		s.gradle("buildJar")
		s.quiet(from)
	})

	s.sub("a JAR whose main throws is no harm", func(t *testing.T) {
		live, from := s.live(), s.agent.now()
		source := s.read(personSource)
		s.edit(personSource, map[string]string{
			"public static void main(String[] args) {": "public static void main(String[] args) {\n        if (true) throw new IllegalStateException(\"thrown on purpose\");",
		})
		s.gradle(":person:buildJar")
		failed := s.agent.await(from, "failed", "person")
		if failed.Step != "prove" || failed.Serving != live["person"] || !strings.Contains(failed.Reason, "status 1") {
			t.Errorf("the agent said %s", failed.text)
		}
		tail := strings.Join(failed.Tail, "\n")
		if !strings.Contains(tail, "IllegalStateException: thrown on purpose") || !strings.Contains(tail, "PersonApplication.main(PersonApplication.java:") {
			t.Errorf("the stack trace is not whole: %s", tail)
		}
		thrown := s.agent.said(from, func(l logLine) bool {
			return l.Service == "person" && strings.Contains(l.Message, "thrown on purpose")
		})
		if len(thrown) == 0 {
			t.Error("the trace is not among the lines of the service")
		}
		ended, err := os.Stat(filepath.Join(s.Dir, "state/logs/person", strings.TrimPrefix(failed.Generation, "person-"), "reports/exit"))
		if err != nil {
			t.Fatal(err)
		}
		if late := failed.at.Sub(ended.ModTime()); late > time.Second {
			t.Errorf("the trace came %s after the death", late)
		}
		status := s.status()
		for _, service := range status.Services {
			if service.Service == "person" && (service.State != "failed" || service.Generation != live["person"] || !strings.Contains(service.Newest.Reason, "status 1")) {
				t.Errorf("status: %+v", service)
			}
		}
		if out, code := s.verb("status"); code != 1 || !strings.Contains(out, "failed") {
			t.Errorf("status exits with %d: %s", code, out)
		}
		logs, err := filepath.Glob(filepath.Join(s.Dir, "state/logs/person/*/reports/out"))
		if err != nil || !anyContains(t, logs, "thrown on purpose") {
			t.Errorf("the candidate's log is gone: %v", logs)
		}
		number := strings.TrimPrefix(failed.Generation, "person-")
		if out, code := s.verb("logs", "--generation", number, "person"); code != 0 || !strings.Contains(out, "thrown on purpose") {
			t.Errorf("its logs exit with %d: %s", code, out)
		}
		s.keptTest(before, failed.Generation)
		from = s.agent.now()
		s.write(filepath.Join(s.example, personSource), source)
		s.gradle(":person:buildJar")
		s.agent.await(from, "live", "person")
		s.invariant(before)
	})

	s.sub("a JAR for a newer Java is no harm", func(t *testing.T) {
		live, from := s.live(), s.agent.now()
		jar := filepath.Join(s.Share, "volume-person", "PersonApplication.jar")
		whole := s.readAt(jar)
		s.write(jar, forNewerJava(t, whole))
		failed := s.agent.await(from, "failed", "person")
		if failed.Step != "prove" || failed.Serving != live["person"] || !strings.Contains(failed.Reason, "status 1: it was built for Java 21, and its base has Java 17") ||
			!strings.Contains(strings.Join(failed.Tail, "\n"), "UnsupportedClassVersionError") {
			t.Errorf("the agent said %s", failed.text)
		}
		from = s.agent.now()
		s.write(jar, whole)
		s.agent.await(from, "unchanged", "person")
		s.settled()
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("half a JAR is not deployed, nor one that is being written", func(t *testing.T) {
		jar := filepath.Join(s.Share, "volume-session", "SessionApplication.jar")
		whole, err := os.ReadFile(s.otherJAR("session"))
		if err != nil {
			t.Fatal(err)
		}
		from := s.agent.now()
		if err := os.WriteFile(jar, whole[:len(whole)/2], 0o644); err != nil {
			t.Fatal(err)
		}
		s.agent.await(from, "refused", "session")
		from = s.agent.now()
		f, err := os.Create(jar)
		if err != nil {
			t.Fatal(err)
		}
		// The writer's pace is the point here: pauses of a second and more.
		for i, part := range chunks(whole, 5) {
			if i > 0 {
				time.Sleep(1200 * time.Millisecond)
			}
			if _, err := f.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if early := s.agent.said(from, isDeploy("session")); len(early) > 0 {
			t.Errorf("deployed before it was whole: %s", early[0].text)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		s.agent.await(from, "live", "session")
		s.settled()
		if all := s.agent.said(from, isDeploy("session")); len(all) != 1 {
			t.Errorf("%d deploys of one JAR", len(all))
		}
	})

	s.sub("an earlier set can be had back, and stays until new bytes come", func(t *testing.T) {
		bad := s.otherJAR("session")
		from := s.agent.now()
		s.write(filepath.Join(s.Share, "volume-session", "SessionApplication.jar"), s.readAt(bad))
		s.agent.await(from, "live", "session")
		s.settled()
		if out, code := s.verb("rollback", "session"); code != 0 || !strings.Contains(out, "session: live: session-") {
			t.Fatalf("rollback exits with %d: %s", code, out)
		}
		back := s.live()["session"]
		if out, code := s.verb("status"); code != 1 || !strings.Contains(out, "pinned: rolled back to") {
			t.Errorf("status exits with %d: %s", code, out)
		}
		out, code := s.verb("history", "session")
		if code != 0 || strings.Count(out, "yes") < 2 || !strings.Contains(out, "rolled back to") {
			t.Errorf("history exits with %d: %s", code, out)
		}
		s.agent.kill()
		s.run()
		s.agent.await(0, "adopted", "session")
		s.settledBut("session")
		if got := s.live()["session"]; got != back {
			t.Errorf("a restart made %s live in place of %s", got, back)
		}
		from = s.agent.now()
		s.write(filepath.Join(s.Share, "volume-session", "SessionApplication.jar"), s.readAt(s.otherJAR("session")))
		s.agent.await(from, "live", "session")
		s.settled()
	})

	s.sub("a paused service waits until it goes on", func(t *testing.T) {
		before := s.live()["session"]
		if out, code := s.verb("pause", "session"); code != 0 {
			t.Fatalf("pause exits with %d: %s", code, out)
		}
		from := s.agent.now()
		s.write(filepath.Join(s.Share, "volume-session", "SessionApplication.jar"), s.readAt(s.otherJAR("session")))
		s.agent.eventually("the new set is known and waits", func() bool {
			return len(s.agent.said(from, func(l logLine) bool {
				return l.Service == "session" && strings.Contains(l.Reason, "not deployed, paused")
			})) > 0
		})
		if got := s.live()["session"]; got != before {
			t.Errorf("%s is live in place of %s", got, before)
		}
		if out, code := s.verb("resume", "session"); code != 0 {
			t.Fatalf("resume exits with %d: %s", code, out)
		}
		s.agent.await(from, "live", "session")
		s.settled()
	})

	s.sub("killed while idle, the next agent takes over what is live", func(t *testing.T) {
		live := s.live()
		s.agent.kill()
		s.run()
		s.agent.await(0, "adopted", "web")
		s.invariant(before)
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("killed in mid-deploy, the next agent finishes the job", func(t *testing.T) {
		for i, moment := range []string{"deploying", "live"} {
			from := s.agent.now()
			s.appendTo(personSource, fmt.Sprintf("\n// killed %d\n", i))
			s.gradle(":person:buildJar")
			s.agent.await(from, moment, "person")
			s.agent.kill()
			s.run()
			s.agent.await(0, "adopted", "person")
			s.agent.eventually("person's newest artefacts are live", func() bool {
				return len(s.agent.said(0, func(l logLine) bool {
					return l.Service == "person" && (l.Message == "live" || l.Message == "unchanged" || l.Message == "same")
				})) > 0
			})
			s.invariant(before)
		}
	})
	clients.stop(t)

	s.sub("after a reboot what was live serves again, without a build", func(t *testing.T) {
		live := s.live()
		s.agent.kill()
		s.powerCut()
		if _, err := s.get(s.Client(false), "/api"); err == nil {
			t.Fatal("the machine still serves")
		}
		s.run()
		for _, service := range sample {
			s.agent.await(0, "adopted", service)
		}
		s.invariant(before)
		if _, err := s.get(s.Client(false), "/api"); err != nil {
			t.Error(err)
		}
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("a second agent leaves at once", func(t *testing.T) {
		live := s.live()
		out, code := s.verb("run")
		if code != 1 || !strings.Contains(out, "another jarloop is running") {
			t.Errorf("it left with %d: %s", code, out)
		}
		if got := differing(live, s.live()); len(got) > 0 {
			t.Errorf("new generations of %v", got)
		}
	})

	s.sub("clean removes what is ours and nothing else", func(t *testing.T) { s.cleanTest(t) })
}
