package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func (s *system) cleanTest(t *testing.T) {
	foreign := filepath.Join(s.LXC, "foreign-1")
	if err := os.Mkdir(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(foreign, "config"), "lxc.uts.name = foreign\n")
	for _, rule := range [][]string{
		{"-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "9999", "-j", "REDIRECT", "--to-ports", "9998"},
		{"-A", "FORWARD", "-s", "192.0.2.9", "-j", "DROP"},
	} {
		if out, err := s.VM(s.ctx, append([]string{"iptables"}, rule...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s.agent.eventually("a foreign rule is left alone by the agent", func() bool { return strings.Contains(s.rules(), "9998") })
	if out, code := s.verb("clean"); code != 1 || !strings.Contains(out, "stop it first") {
		t.Errorf("clean under a running agent exits with %d: %s", code, out)
	}
	s.cleanOtherTest(t)
	if code := s.agent.stop(); code != 0 {
		t.Errorf("the agent left with %d", code)
	}
	if out, code := s.verb("clean"); code != 0 {
		t.Fatalf("clean exits with %d: %s", code, out)
	}
	if left := s.generations(); len(left) != 1 || left["foreign"] == nil {
		t.Errorf("left are %v", left)
	}
	rules := s.rules()
	if strings.Contains(rules, "JARLOOP") || strings.Contains(rules, "jarloop") {
		t.Errorf("rules are left: %s", rules)
	}
	if !strings.Contains(rules, "--to-ports 9998") || !strings.Contains(rules, "192.0.2.9") {
		t.Errorf("foreign rules are gone: %s", rules)
	}
	for _, path := range []string{"state", "run"} {
		if _, err := os.Stat(filepath.Join(s.Dir, path)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	if text := s.readAt(filepath.Join(foreign, "config")); text != "lxc.uts.name = foreign\n" {
		t.Errorf("the foreign container's configuration is %q", text)
	}
	if veths := s.veths(); veths != 1 { // eth0, which leads to the laptop
		t.Errorf("%d veths are left", veths-1)
	}
	if left := s.monitored(); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
}

// cleanOtherTest cleans by a configuration with folders of its own, while an agent
// runs by another one in the same folder of containers.
func (s *system) cleanOtherTest(t *testing.T) {
	rules, before := s.rules(), s.generations()
	text := s.readAt(s.config)
	for _, folder := range []string{"state", "run"} {
		text = strings.ReplaceAll(text, filepath.Join(s.Dir, folder)+`"`, filepath.Join(s.Dir, "other-"+folder)+`"`)
	}
	config := s.config
	s.config = filepath.Join(s.Dir, "other.toml")
	defer func() { s.config = config }()
	s.write(s.config, text)
	if out, code := s.verb("clean", "--bases"); code != 0 || !strings.Contains(out, "another jarloop has names and ports") {
		t.Errorf("clean by another configuration exits with %d: %s", code, out)
	}
	after := s.generations()
	for service, names := range before {
		for _, name := range names {
			if !slices.Contains(after[service], name) {
				t.Errorf("%s is gone; left are %v", name, after)
			}
		}
	}
	if now := s.rules(); counts.ReplaceAllString(now, "") != counts.ReplaceAllString(rules, "") {
		t.Errorf("the rules were\n%s\nand are\n%s", rules, now)
	}
}

// counts are those of packets and bytes in what iptables-save prints, and the time.
var counts = regexp.MustCompile(`(?m)^#.*\n|\[\d+:\d+\]`)
