package deployer

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// insideFolder is a container whose files lie in a folder of the host.
type insideFolder struct {
	Root
	dir string
}

func (i insideFolder) Open(name string) (*os.File, error) { return os.Open(filepath.Join(i.dir, name)) }

func (i insideFolder) Close() error { return nil }

// TestTheNextAgentCopiesOn has three agents copy a file one after the other.
func TestTheNextAgentCopiesOn(t *testing.T) {
	inside := t.TempDir()
	g := &Generation{Record: Record{Service: "web", Number: 1}, reports: filepath.Join(t.TempDir(), "1", reportsFolder), root: insideFolder{dir: inside}}
	copied := filepath.Join(filepath.Dir(g.reports), filesFolder, "a.log")
	write := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(inside, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	agent := func(want string) {
		t.Helper()
		d := newFakeDeployer(t, newWorld(t))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		text := ""
		d.Output = func(l Line) {
			if l.Text == "end" {
				cancel()
			}
		}
		d.followFile(ctx, d.wiring.services["web"], g, "a.log")
		if all, err := os.ReadFile(copied); err != nil {
			t.Fatal(err)
		} else {
			text = string(all)
		}
		if text != want {
			t.Errorf("the copy is %q, want %q", text, want)
		}
	}
	write("a.log", "one\nend\n")
	agent("one\nend\n")
	write("a.log", "two\nend\n") // while no agent is there
	agent("one\nend\ntwo\nend\n")
	// Another by that name is copied from its beginning.
	write("new", "three\nend\n")
	if err := os.Rename(filepath.Join(inside, "new"), filepath.Join(inside, "a.log")); err != nil {
		t.Fatal(err)
	}
	agent("one\nend\ntwo\nend\nthree\nend\n")
}
