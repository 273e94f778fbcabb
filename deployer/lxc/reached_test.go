//go:build cgo

package lxc

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHowFarAFileWasReadIsOfThatFile(t *testing.T) {
	dir := t.TempDir()
	at, file, other := filepath.Join(dir, "folder"), filepath.Join(dir, "out"), filepath.Join(dir, "other")
	mkdir(t, at)
	writeFile(t, file, "one\ntwo\n")
	writeFile(t, other, "three\n")
	if _, noted := readReached(at); noted {
		t.Fatal("something is noted")
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reached{inodeOfOpen(f), 4}.write(at)
	r, noted := readReached(at)
	if !noted {
		t.Skip("no attributes on this filesystem")
	}
	g, err := os.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if r.in(f) != 4 || r.in(g) != 0 {
		t.Errorf("to be read on from %d, and of another file from %d", r.in(f), r.in(g))
	}
}

// TestWhatAnEarlierVersionHasFollowedIsNotGivenAgain has a folder without a note.
func TestWhatAnEarlierVersionHasFollowedIsNotGivenAgain(t *testing.T) {
	d := newDisk(t)
	kept := d.kept("web-1")
	if got := startOfOut(kept); got != 0 {
		t.Errorf("where nothing is it starts at %d", got)
	}
	mkdir(t, kept.Reports())
	writeFile(t, kept.Out(), "one\ntwo\n")
	if got := startOfOut(kept); got != 8 {
		t.Errorf("it starts at %d", got)
	}
	reached{}.write(string(kept))
	if _, noted := readReached(string(kept)); noted && startOfOut(kept) != 0 {
		t.Errorf("one that this version has made starts at %d", startOfOut(kept))
	}
}
