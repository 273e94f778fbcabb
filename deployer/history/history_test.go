package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestABookOutlivesItsProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	book := open(t, dir)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	change(t, book, "person", func(p *Page) {
		p.Entries = append(p.Entries, Entry{Time: at, Generation: "person-7", Set: "3fa2", Outcome: Live, Took: time.Second})
		p.Pin, p.Paused = &Pin{Set: "3fa2", Over: "77aa"}, true
	})
	want := Page{
		Entries: []Entry{{Time: at, Generation: "person-7", Set: "3fa2", Outcome: Live, Took: time.Second}},
		Pin:     &Pin{Set: "3fa2", Over: "77aa"}, Paused: true,
	}
	if got, err := open(t, dir).Page("person"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err := Read(dir, "web"); err != nil || !reflect.DeepEqual(got, Page{}) {
		t.Errorf("of a service without a page: %+v, %v", got, err)
	}
}

func TestADamagedPageIsWrittenAnew(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "person.json"), []byte(`{"entries": [{"ti`), 0o600); err != nil {
		t.Fatal(err)
	}
	book := open(t, dir)
	if _, err := book.Page("person"); err == nil {
		t.Error("half a page is read without an error")
	}
	if err := book.Amend("person", func(p *Page) { p.Paused = true }); err == nil {
		t.Error("that a page was damaged is no error")
	}
	if p, err := book.Page("person"); err != nil || !p.Paused {
		t.Errorf("afterwards: %+v, %v", p, err)
	}
}

// What cannot be read at the moment, for want of a file descriptor or because
// of the disk, is there all the same: here it is a link to itself.
func TestAPageThatCannotBeReadIsLeft(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "person.json")
	if err := os.Symlink("person.json", page); err != nil {
		t.Fatal(err)
	}
	err := open(t, dir).Amend("person", func(*Page) { t.Error("a page is changed that is not known") })
	if err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("the error is %v", err)
	}
	if to, err := os.Readlink(page); err != nil || to != "person.json" {
		t.Errorf("it is not there any more: %q, %v", to, err)
	}
}

func TestWhatAKilledAgentHasBegunIsRemoved(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{".person.json4711": `{"ent`, "person.json": "{}"})
	open(t, dir)
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "person.json")); err != nil {
		t.Error(err)
	}
}

func TestAPageIsBounded(t *testing.T) {
	book := open(t, t.TempDir())
	for i := range mostEntries + 3 {
		change(t, book, "person", func(p *Page) { p.Entries = append(p.Entries, Entry{Set: fmt.Sprint(i)}) })
	}
	p, err := book.Page("person")
	if err != nil || len(p.Entries) != mostEntries || p.Entries[0].Set != "3" {
		t.Errorf("%d entries, the first of set %s, %v", len(p.Entries), p.Entries[0].Set, err)
	}
}

// Any number of deploys that fail leave known what could be gone back to.
func TestFailuresDoNotPushOutWhatWasLive(t *testing.T) {
	book := open(t, t.TempDir())
	for i := range 2*mostEntries + 3 {
		e := Entry{Set: fmt.Sprint(i), Outcome: Failed}
		if i < 3 {
			e.Outcome = Live
		}
		change(t, book, "person", func(p *Page) { p.Entries = append(p.Entries, e) })
	}
	p, err := book.Page("person")
	if good := p.Good(); err != nil || !slices.Equal(good, []string{"0", "1", "2"}) {
		t.Errorf("good are %q, %v", good, err)
	}
	if n := len(p.Entries); n != mostEntries+3 || p.Entries[3].Set != fmt.Sprint(mostEntries+3) {
		t.Errorf("%d entries, the first that failed is of set %s", n, p.Entries[3].Set)
	}
}

func TestGoodSets(t *testing.T) {
	p := Page{Entries: []Entry{
		{Set: "a", Outcome: Live}, {Set: "b", Outcome: Live}, {Set: "c", Outcome: Failed}, {Set: "a", Outcome: Back},
	}}
	if got := p.Good(); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("good are %q", got)
	}
}

func open(t *testing.T, dir string) *Book {
	t.Helper()
	book, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func change(t *testing.T, b *Book, service string, do func(*Page)) {
	t.Helper()
	if err := b.Amend(service, do); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
