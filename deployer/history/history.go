// Package history keeps on disk how the deploys of each service ended, and what a
// person has decided about it: that an earlier set is pinned, that nothing is to be
// deployed for now, or that names and ports lead elsewhere. So the agent knows earlier sets after a restart; nothing
// that serves depends on it.
package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"
)

// mostEntries is how many deploys of a service are remembered that have gone live,
// and how many that have failed.
const mostEntries = 200

// mostDetailed is of how many deploys the steps are kept: a page is written whole with
// each deploy.
const mostDetailed = 50

// Outcome is how a deploy ended.
type Outcome string

// The outcomes.
const (
	Live   Outcome = "live"
	Failed Outcome = "failed"
	Back   Outcome = "back" // live again, because a newer one had died
)

// Step is one finished step of a deploy.
type Step struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took_ns"`
}

// Entry is one deploy that has ended.
type Entry struct {
	Time       time.Time     `json:"time"`
	Generation string        `json:"generation"`
	Set        string        `json:"set"`
	Outcome    Outcome       `json:"outcome"`
	Reason     string        `json:"reason,omitempty"`
	Took       time.Duration `json:"took_ns,omitempty"`
	// Steps are how that time went, and Step is the one that failed. Of older deploys
	// they are not kept.
	Steps []Step `json:"steps,omitempty"`
	Step  string `json:"step,omitempty"`
}

// Pin keeps an earlier set live.
type Pin struct {
	// Set is the one that is to stay.
	Set string `json:"set"`
	// Over is the set that was newest when it was pinned: a newer one ends the pin.
	Over string `json:"over"`
}

// Page is the history of one service.
type Page struct {
	Entries []Entry `json:"entries"` // the newest last
	Pin     *Pin    `json:"pin,omitempty"`
	Paused  bool    `json:"paused,omitempty"`
	// Divert is where names and ports lead in place of what is live.
	Divert netip.AddrPort `json:"divert,omitzero"`
	// Start is what is known of how the service can be started fast.
	Start Start `json:"start,omitzero"`
}

// Start is what is known of how a service can be started fast.
type Start struct {
	// Rule says what of its JAR its builds change; only the deployer reads it.
	Rule json.RawMessage `json:"rule,omitempty"`
	// Failed names the libraries from which it has not come up, though it did as its
	// command says, and Why says more.
	Failed string `json:"failed,omitempty"`
	Why    string `json:"why,omitempty"`
}

// Equal says whether both are the same.
func (s Start) Equal(o Start) bool {
	return string(s.Rule) == string(o.Rule) && s.Failed == o.Failed && s.Why == o.Why
}

// Good gives the sets that have been live, each once, the newest last.
func (p Page) Good() []string {
	var good []string
	for _, e := range p.Entries {
		if e.Outcome != Failed {
			good = append(slices.DeleteFunc(good, func(id string) bool { return id == e.Set }), e.Set)
		}
	}
	return good
}

// Book has the pages of all services. It may be used by several goroutines.
type Book struct {
	dir     string
	amended sync.Mutex // by one at a time; a page is replaced whole, so readers need none
}

// ErrDamaged says that a page cannot be parsed, as after somebody has edited it.
var ErrDamaged = errors.New("it is damaged")

// Open makes the folder of a book, where there is none yet, and removes pages
// that a killed process has begun to write. So only who writes the book calls it.
func Open(dir string) (*Book, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the history: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the folder of the history: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			_ = os.Remove(filepath.Join(dir, e.Name())) // it harms nobody
		}
	}
	return &Book{dir: dir}, nil
}

// Page gives the history of the service. A page that cannot be read counts as
// an empty one, and the error says so.
func (b *Book) Page(service string) (Page, error) { return Read(b.dir, service) }

// Amend changes the page of a service by do, and writes it. A damaged page is
// replaced by a new one, and the error is ErrDamaged. After any other error nothing
// has been written; a page that cannot be read for now is left as it is.
func (b *Book) Amend(service string, do func(*Page)) error {
	b.amended.Lock()
	defer b.amended.Unlock()
	p, damaged := Read(b.dir, service)
	if damaged != nil && !errors.Is(damaged, ErrDamaged) {
		return damaged
	}
	do(&p)
	p.Entries = bounded(p.Entries)
	text, err := json.MarshalIndent(p, "", "  ")
	if err == nil {
		err = renameio.WriteFile(file(b.dir, service), append(text, '\n'), 0o600, renameio.WithTempDir(b.dir))
	}
	if err != nil {
		return fmt.Errorf("write the history of %s: %w", service, err)
	}
	return damaged
}

// bounded leaves out the oldest entries, and the steps of those that are old. Those that have failed do not count
// against the others, which are what one can go back to.
func bounded(all []Entry) []Entry {
	left := map[bool]int{}
	for i, e := range all {
		left[e.Outcome == Failed]++
		if i < len(all)-mostDetailed {
			all[i].Steps = nil
		}
	}
	return slices.DeleteFunc(all, func(e Entry) bool {
		failed := e.Outcome == Failed
		if left[failed] <= mostEntries {
			return false
		}
		left[failed]--
		return true
	})
}

// Read reads the page of a service, which is empty when there is none.
func Read(dir, service string) (Page, error) {
	text, err := os.ReadFile(file(dir, service))
	if errors.Is(err, fs.ErrNotExist) {
		return Page{}, nil
	}
	if err != nil {
		return Page{}, fmt.Errorf("read the history of %s: %w", service, err)
	}
	var p Page
	if err := json.Unmarshal(text, &p); err != nil {
		return Page{}, fmt.Errorf("read the history of %s: %w: %w", service, ErrDamaged, err)
	}
	return p, nil
}

func file(dir, service string) string { return filepath.Join(dir, service+".json") }
