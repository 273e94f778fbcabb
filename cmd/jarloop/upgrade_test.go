package main

import (
	"os"
	"strings"
	"testing"
)

// TestAnotherVersionIsTakenOver runs the sample system with the program of an
// earlier version, kills it in the middle of a deploy, and goes on with this one:
// once with what the earlier version calls by other names, which is refused in
// words that say what to do, and then with the configuration as it is now.
func TestAnotherVersionIsTakenOver(t *testing.T) {
	before := os.Getenv("JARLOOP_BEFORE")
	if before == "" {
		t.Skip("needs the program of an earlier version, built from git: make upgrade BEFORE=<commit>")
	}
	for _, names := range []string{"vip", "hosts"} {
		t.Run("names lead to "+names, func(t *testing.T) {
			s := newSystem(t, false)
			program := s.program
			now := replace(t, s.configuration(), map[string]string{`= "vip"`: `= "` + names + `"`})
			then := replace(t, now, map[string]string{
				`names   = "` + names + `"`: `wiring  = "` + map[string]string{"vip": "stable", "hosts": "hosts"}[names] + `"`,
				"reload_command =":          "on_rewire =",
			})
			s.program = before
			s.write(s.config, then)
			s.up()
			inventory := s.inventory()
			// Comments say the same in other words.
			words := strings.NewReplacer(`"jarloop: service addresses"`, `"jarloop: virtual IPs"`, `"jarloop: twins"`, `"jarloop: hairpin"`)
			for i, rule := range inventory.rules {
				inventory.rules[i] = words.Replace(rule)
			}
			clients := s.startTraffic("/api")
			from := s.agent.now()
			s.appendTo(personSource, "\n// changed\n")
			s.gradle(":person:buildJar")
			s.agent.await(from, "live", "person") // the one before drains still
			live := s.live()
			s.agent.kill()

			s.program = program
			out, code := s.verb("run")
			if code != 2 || !strings.Contains(out, "names") || !strings.Contains(out, "reload_command") {
				t.Errorf("with the configuration of before it exits with %d: %s", code, out)
			}
			s.write(s.config, now)
			s.run()
			for _, service := range sample {
				if got := s.agent.await(0, "adopted", service).Generation; got != live[service] {
					t.Errorf("%s is taken over of %s, and %s was live", got, service, live[service])
				}
			}
			s.settled()
			s.invariant(inventory)
			from = s.agent.now()
			s.appendTo(personSource, "\n// changed again\n")
			s.gradle(":person:buildJar")
			s.agent.await(from, "live", "person")
			s.settled()
			s.invariant(inventory)
			clients.stop(t)
			if code := s.agent.stop(); code != 0 {
				t.Errorf("the agent left with %d", code)
			}
		})
	}
}
