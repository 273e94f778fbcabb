package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// inventory is what an agent can leave behind on the VM, beside containers.
type inventory struct {
	mounts []string // of this system
	rules  []string // without counters, and without where they lead
}

var counters = regexp.MustCompile(`\[[0-9]+:[0-9]+\]|^#.*`)
var target = regexp.MustCompile(`--to-destination \S+`)

func (s *system) inventory() inventory {
	s.t.Helper()
	mounts, err := s.VM(s.ctx, "cat", "/proc/self/mounts").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	i := inventory{}
	for line := range strings.Lines(string(mounts)) {
		// The machine's own come and go: other tests run beside this one.
		if strings.Contains(line, s.Dir) || strings.Contains(line, s.LXC) || strings.HasPrefix(line, "overlay ") {
			i.mounts = append(i.mounts, strings.TrimSpace(line))
		}
	}
	for line := range strings.Lines(s.rules()) {
		line = strings.TrimSpace(counters.ReplaceAllString(line, ""))
		if line != "" {
			i.rules = append(i.rules, target.ReplaceAllString(line, "--to-destination X"))
		}
	}
	return i
}

// invariant checks that what is there is what should be: one live generation
// a service, its standby, what belongs to those, and nothing else.
func (s *system) invariant(before inventory) {
	s.t.Helper()
	s.invariantBut(before, "")
}

// invariantBut is invariant, but for one service of which other artefacts than
// the newest are live. Where those have failed a generation of it may be kept, in
// which nothing of the service runs and to which nothing leads.
func (s *system) invariantBut(before inventory, pinned string) {
	s.t.Helper()
	s.settledBut(pinned)
	s.checkKept()
	var names []string
	for _, generations := range s.generations() {
		names = append(names, generations...)
	}
	slices.Sort(names)
	after := s.inventory()
	if !slices.Equal(before.mounts, after.mounts) {
		s.t.Errorf("mounts were\n%s\nand are\n%s", strings.Join(before.mounts, "\n"), strings.Join(after.mounts, "\n"))
	}
	if !slices.Equal(before.rules, after.rules) {
		s.t.Errorf("rules were\n%s\nand are\n%s", strings.Join(before.rules, "\n"), strings.Join(after.rules, "\n"))
	}
	if veths := s.veths(); veths != len(names)+1 { // and eth0, which leads to the laptop
		s.t.Errorf("%d veths for %d containers", veths, len(names))
	}
	if got := s.monitored(); !slices.Equal(got, names) {
		s.t.Errorf("running are %v, and there are %v", got, names)
	}
	if got := s.clones(); !slices.Equal(got, names) {
		s.t.Errorf("the bases count as clones %v, and there are %v", got, names)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/lxc.payload.*", "/sys/fs/cgroup/pids/lxc.payload.*"} {
		groups, err := filepath.Glob(pattern)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, group := range groups {
			name := strings.TrimPrefix(filepath.Base(group), "lxc.payload.")
			if service, _, _ := cutLast(name, "-"); slices.Contains(sample, service) && !slices.Contains(names, name) {
				s.t.Errorf("the cgroup %s belongs to nothing", group)
			}
		}
	}
	live, rules := s.live(), s.rules()
	for service, hosts := range s.hosts() {
		for line := range strings.Lines(hosts) {
			fields := strings.Fields(line)
			if !strings.Contains(line, "# jarloop") || len(fields) < 2 || strings.HasPrefix(line, "#") {
				continue
			}
			leads := fields[0]
			if m := regexp.MustCompile(`-d ` + regexp.QuoteMeta(leads) + `/32 .*--to-destination (\S+)`).FindStringSubmatch(rules); m != nil {
				leads = m[1]
			}
			if live[fields[1]] == "" || !strings.HasPrefix(s.address(fields[1]), leads+":") {
				s.t.Errorf("%s is told that %s is at %s, which leads to %s, and it is at %s", service, fields[1], fields[0], leads, s.address(fields[1]))
			}
		}
	}
	if temporary, err := filepath.Glob(filepath.Join(s.Dir, "state/sets/*/.*")); err != nil || len(temporary) > 0 {
		s.t.Errorf("temporary files are left: %v, %v", temporary, err)
	}
}

// checkKept checks what is kept of deploys that have failed.
func (s *system) checkKept() {
	s.t.Helper()
	for _, status := range s.status().Services {
		if status.Failed == "" {
			continue
		}
		if commands := s.commands(status.Failed); strings.Contains(commands, "/"+status.Service+"/") {
			s.t.Errorf("in %s, which is kept, run: %s", status.Failed, commands)
		}
		var record deployer.Generation
		if err := json.Unmarshal([]byte(s.readAt(filepath.Join(s.LXC, status.Failed, "jarloop.json"))), &record); err != nil {
			s.t.Fatal(err)
		}
		if record.Phase != deployer.KeptFailure || !record.Address.IsValid() {
			s.t.Errorf("the record of %s: %+v", status.Failed, record)
		}
		if rules := s.rules(); strings.Contains(rules, "--to-destination "+record.Address.String()) {
			s.t.Errorf("%s is kept, and rules lead to %s:\n%s", status.Failed, record.Address, rules)
		}
	}
}

func (s *system) address(service string) string {
	s.t.Helper()
	for _, status := range s.status().Services {
		if status.Service == service {
			return status.Address
		}
	}
	return ""
}

func (s *system) veths() int {
	s.t.Helper()
	// One more is there for a moment when an agent tries published ports.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := s.VM(s.ctx, "ip", "-o", "link", "show", "type", "veth").Output()
		if err != nil {
			s.t.Fatal(err)
		}
		if !strings.Contains(string(out), "jarloop-probe") || time.Now().After(deadline) {
			return strings.Count(string(out), "\n")
		}
	}
}

// monitored gives the names of the containers whose monitors run.
func (s *system) monitored() []string {
	s.t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		if name, found := strings.CutPrefix(strings.TrimRight(string(text), "\x00 "), "[lxc monitor] "+s.LXC+" "); found {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// clones gives the names that the bases know to rest on them. liblxc notes
// them in pairs of lines, lxc.path and name.
func (s *system) clones() []string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.LXC, "*", "lxc_rdepends"))
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	count := 0
	snapshots, err := filepath.Glob(filepath.Join(s.LXC, "*", "lxc_snapshots"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range snapshots {
		count += strings.Count(s.readAt(file), "\n")
	}
	if count != 2*len(names) && count != len(names) {
		s.t.Errorf("%d lines about clones in the bases, and %d clones", count, len(names))
	}
	slices.Sort(names)
	return names
}
