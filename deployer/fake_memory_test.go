package deployer_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/watcher"
)

// memory is what is remembered on the machine, for one agent.
type memory struct{ *door }

var (
	_ deployer.History = memory{}
	_ deployer.Sets    = memory{}
)

func (m memory) Page(service string) (history.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing["page"]; err != nil {
		return history.Page{}, err
	}
	return m.pages[service], nil
}

func (m memory) Amend(service string, do func(*history.Page)) error {
	return m.do(context.Background(), "amend", func() error {
		p := m.pages[service]
		p.Entries = slices.Clone(p.Entries)
		do(&p)
		m.pages[service] = p
		return nil
	})
}

func (m memory) Load(service, id string) (watcher.Set, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	set, found := m.sets[service+"/"+id]
	if !found {
		return set, fmt.Errorf("%s: %w", id, fs.ErrNotExist)
	}
	return set, nil
}

func (m memory) Prune(service string, keep map[string]bool) error {
	return m.do(context.Background(), "prune sets", func() error {
		for key, set := range m.sets {
			if set.Service == service && !keep[set.ID] {
				delete(m.sets, key)
			}
		}
		return nil
	})
}

// page gives what is remembered of a service.
func (w *world) page(service string) history.Page {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pages[service]
}

// folders has the folders of sets by what their JAR says: none is ever written to
// again.
var folders = struct {
	sync.Mutex
	dir  string
	made map[string]string
}{made: map[string]string{}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "jarloop-deployer")
	if err != nil {
		panic(err)
	}
	folders.dir = dir
	if err := flag.Set("test.parallel", "64"); err != nil { // the suite only waits
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// set gives an artefact set of one JAR, which says what it does when it is run.
func set(service, id string, script ...string) watcher.Set {
	folders.Lock()
	defer folders.Unlock()
	if script == nil {
		script = []string{"serve"}
	}
	text := strings.Join(script, "\n")
	dir := folders.made[text]
	if dir == "" {
		dir = filepath.Join(folders.dir, fmt.Sprint(len(folders.made)))
		folders.made[text] = dir
		if err := os.Mkdir(dir, 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "App.jar"), []byte(text), 0o600); err != nil {
			panic(err)
		}
	}
	return watcher.Set{Service: service, ID: id, Dir: dir, Files: []watcher.File{{Name: "App.jar"}}}
}
