package logs

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
	if _, noted := ReadReached(at); noted {
		t.Fatal("something is noted")
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	Reached{InodeOf(f), 4}.Write(at)
	r, noted := ReadReached(at)
	if !noted {
		t.Skip("no attributes on this filesystem")
	}
	g, err := os.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if r.In(f) != 4 || r.In(g) != 0 {
		t.Errorf("to be read on from %d, and of another file from %d", r.In(f), r.In(g))
	}
}

// TestWhatAnEarlierVersionHasFollowedIsNotGivenAgain has a folder without a note.
func TestWhatAnEarlierVersionHasFollowedIsNotGivenAgain(t *testing.T) {
	kept := FolderOf(t.TempDir(), "web", 1)
	if got := kept.Start(); got != 0 {
		t.Errorf("where nothing is it starts at %d", got)
	}
	mkdir(t, kept.Reports())
	writeFile(t, kept.Out(), "one\ntwo\n")
	if got := kept.Start(); got != 8 {
		t.Errorf("it starts at %d", got)
	}
	Reached{}.Write(string(kept))
	if _, noted := ReadReached(string(kept)); noted && kept.Start() != 0 {
		t.Errorf("one that this version has made starts at %d", kept.Start())
	}
}

func mkdir(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(name, 0o755); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
