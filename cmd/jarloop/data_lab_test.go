package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/data"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// TestDataOutliveGenerations has a service keep a note over deploys, and a person carry
// and remove it while the agent runs.
func TestDataOutliveGenerations(t *testing.T) {
	s := newLab(t, false)
	s.LXC = filepath.Join(s.Dir, "lxc") // what is kept for other tests stays
	s.write(s.config, s.small("", `data = ["/srv/data"]`))
	page := filepath.Join(s.Share, "volume-page", "index.html")
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(page, "first\n")
	s.run()
	first := s.agent.await(0, "live", "page").Generation
	s.note("in the first generation")
	from := s.agent.now()
	s.write(page, "second\n")
	second := s.agent.await(from, "live", "page").Generation
	s.reads("in the first generation")

	archive := filepath.Join(s.Dir, "page.tar")
	s.does("data", "export", "page", archive)
	s.note("in the second generation")
	s.does("data", "import", "page", archive)
	s.reads("in the first generation")
	if got := s.kept(); len(got) != 1 || got[0].Service != "page" || got[0].Folder != "/srv/data" || got[0].Bytes == 0 || !got[0].Configured {
		t.Errorf("kept are %+v", got)
	}
	s.does("data", "reset", "page", "--yes")
	s.reads("")
	if live := s.live()["page"]; live != second || first == second {
		t.Errorf("%s is live, and %s was after %s", live, second, first)
	}
	s.note("when the agent has ended")
	s.settled()

	if code := s.agent.stop(); code != exit.Done {
		t.Errorf("the agent left with %d", code)
	}
	if out, code := s.verb("data", "reset", "page", "--yes"); code != exit.Failed || !strings.Contains(out, second+" runs") {
		t.Errorf("without an agent, but with a container: %d: %s", code, out)
	}
	s.reads("when the agent has ended")
	if out := s.does("clean"); !strings.Contains(out, "the data of page stay: jarloop clean --data removes them\n") {
		t.Errorf("clean says %s", out)
	}
	s.run()
	s.agent.await(0, "live", "page")
	s.reads("when the agent has ended")
	if code := s.agent.stop(); code != exit.Done {
		t.Errorf("the agent left with %d", code)
	}
	s.does("clean", "--data", "--bases")
	if left, err := os.ReadDir(s.LXC); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// does runs a verb that has to go well, and gives what it prints.
func (s *system) does(verb ...string) string {
	s.t.Helper()
	out, code := s.verb(verb...)
	if code != exit.Done {
		s.t.Fatalf("%s exits with %d: %s", strings.Join(verb, " "), code, out)
	}
	return out
}

// note writes into the data of page, by who is live.
func (s *system) note(text string) {
	s.t.Helper()
	if out, code := s.enterAny("page", "--", "sh", "-c", "echo '"+text+"' >/srv/data/note"); code != exit.Done {
		s.t.Fatalf("to write a note exits with %d: %s", code, out)
	}
}

// reads expects a note in the data of page; "" is none.
func (s *system) reads(want string) {
	s.t.Helper()
	out, code := s.enterAny("page", "--", "sh", "-c", "cd /srv/data && for file in *; do cat \"$file\"; done")
	if got := strings.TrimSpace(out); code == exit.Done && got != want || code != exit.Done && want != "" {
		s.t.Errorf("page reads %q, want %q; exit status %d", got, want, code)
	}
}

// kept gives the data on the VM.
func (s *system) kept() (list []data.Listed) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.does("data", "list", "--json")), &list); err != nil {
		s.t.Fatal(err)
	}
	return list
}
