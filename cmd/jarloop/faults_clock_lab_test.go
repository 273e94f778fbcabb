package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var written = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T[0-9:.]+(Z|[+-]\d{2}:\d{2})`)

// clockTest makes the times of all that the agent has left, and of the artefacts,
// those of a clock that is a day ahead, and then of one that is a day behind.
func (p *pages) clockTest(t *testing.T, before inventory) {
	const day = 24 * time.Hour
	moved := time.Duration(0)
	for _, off := range []time.Duration{day, -day} {
		live, inits := p.live(), p.inits()
		kept := p.kept()
		p.ended()
		p.shiftTimes(off - moved)
		moved = off
		p.run()
		p.agent.await(0, "adopted", "page")
		p.invariant(before)
		if got := append(differing(live, p.live()), differing(inits, p.inits())...); len(got) > 0 {
			t.Errorf("with times %s off, others are live of %v", off, got)
		}
		if now := p.kept(); !slices.Equal(now, kept) {
			t.Errorf("with times %s off, kept are\n%s\nand were\n%s", off, strings.Join(now, "\n"), strings.Join(kept, "\n"))
		}
		// And a laptop whose clock is off to the other side.
		from, saved := p.agent.now(), time.Now()
		p.save()
		if err := os.Chtimes(p.artefact("api"), saved.Add(-off), saved.Add(-off)); err != nil {
			t.Fatal(err)
		}
		p.agent.await(from, "live", "page")
		t.Logf("with times %s off, live after %s", off, time.Since(saved))
		p.awaitServed()
		if out, code := p.verb("rollback", "page"); code != 0 {
			t.Errorf("rollback exits with %d: %s", code, out)
		}
		if a, err := p.get(p.Client(false), "/api"); err != nil || a.Version != fmt.Sprint(p.saved-1) {
			t.Errorf("after a rollback %q is served, %v; want %d", a.Version, err, p.saved-1)
		}
		p.asked()
		p.invariant(before)
	}
}

// kept gives the sets, and the generations whose output is there.
func (p *pages) kept() []string {
	p.t.Helper()
	var all []string
	for _, pattern := range []string{"state/sets/*/*", "state/logs/*/*"} {
		found, err := filepath.Glob(filepath.Join(p.Dir, pattern))
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// shiftTimes adds to the times of files of the agent and of the share, and to
// those that are written in its records.
func (p *pages) shiftTimes(by time.Duration) {
	p.t.Helper()
	shift := func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(name)
		if err != nil || info.Mode()&os.ModeSymlink != 0 {
			return err
		}
		at := info.ModTime().Add(by)
		if strings.HasSuffix(name, ".json") {
			text := written.ReplaceAllStringFunc(p.readAt(name), func(old string) string {
				then, err := time.Parse(time.RFC3339Nano, old)
				if err != nil || then.IsZero() {
					return old
				}
				return then.Add(by).Format(time.RFC3339Nano)
			})
			p.write(name, text)
		}
		return os.Chtimes(name, at, at)
	}
	for _, folder := range []string{"state", "share"} {
		if err := filepath.WalkDir(filepath.Join(p.Dir, folder), shift); err != nil {
			p.t.Fatal(err)
		}
	}
	records, err := filepath.Glob(filepath.Join(p.LXC, "*", "*.json"))
	if err != nil || len(records) < 1+2*len(callers) {
		p.t.Fatalf("records: %q, %v", records, err)
	}
	for _, name := range records {
		if err := shift(name, nil, nil); err != nil {
			p.t.Fatal(err)
		}
	}
}
