package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// bases gives the bases on the VM, and which of them the configuration asks for.
func (p *pages) bases() map[string]bool {
	p.t.Helper()
	out, code := p.verb("base", "list", "--json")
	var list []bases.Listed
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exit.Done {
		p.t.Fatalf("base list exits with %d: %v: %s", code, err, out)
	}
	bases := map[string]bool{}
	for _, b := range list {
		bases[b.Container] = b.Configured
	}
	return bases
}

// TestAChangedRecipeLeavesABaseThatCanBeRemoved changes the recipe of all services'
// base while the agent runs.
func TestAChangedRecipeLeavesABaseThatCanBeRemoved(t *testing.T) {
	p := newPages(newLab(t, false))
	p.up()
	live := p.live()
	p.saveConfig(replace(t, p.readAt(p.config), map[string]string{"template = \"busybox\"\n": "template = \"busybox\"\nrun = [\"true\"]\n"}))
	p.agent.eventually("every service has a new generation", func() bool { return len(differing(live, p.live())) == len(live) })
	p.settled()

	fresh, left := "", ""
	for container, configured := range p.bases() {
		if configured {
			fresh = container
		} else {
			left = container
		}
	}
	if own := p.status().Bases; len(own) != 1 || own[0] != fresh || left == "" {
		t.Fatalf("the agent makes clones of %q; there are %v", own, p.bases())
	}
	remedy := "sudo jarloop base remove " + left
	p.agent.eventually("the doctor names the old one", func() bool {
		all, _ := p.findings()
		f := all["old bases"]
		return f.State == doctor.Warning && f.Remedy == remedy
	})

	if out, code := p.verb("base", "remove", fresh); code != exit.Usage || !strings.Contains(out, "the agent that runs makes clones of "+fresh) {
		t.Errorf("removing the one in use exits with %d: %s", code, out)
	}
	if out, code := p.verb("base", "remove", left); code != exit.Done {
		t.Errorf("removing the old one exits with %d: %s", code, out)
	}
	if all, _ := p.findings(); all["old bases"].State != doctor.OK || len(p.bases()) != 1 {
		t.Errorf("after that the doctor says %q, and there are %v", all["old bases"].Found, p.bases())
	}
	p.save()
	p.awaitServed()
	p.settled()
}
