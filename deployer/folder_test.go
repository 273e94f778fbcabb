package deployer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestAFolderIsNeverThereWithoutItsRecord(t *testing.T) {
	w := newWorld(t)
	r := Record{Service: "person", Number: 7, Phase: Making}
	folder := w.Folder("person-7")
	if err := r.claim(folder); err != nil {
		t.Fatal(err)
	}
	if got, err := readRecord(folder); err != nil || got.Name() != "person-7" {
		t.Errorf("the record in the claimed folder: %+v, %v", got, err)
	}
	if err := r.claim(folder); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder that is there is claimed: %v", err)
	}
	if err := os.Mkdir(w.Folder("person-8"), 0o755); err != nil { // somebody else's, and empty
		t.Fatal(err)
	}
	r.Number = 8
	if err := r.claim(w.Folder("person-8")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an empty folder that is there is claimed: %v", err)
	}
	if left := hidden(t, w); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestWhatWasHalfMadeOrHalfRemovedIsFound(t *testing.T) {
	w := newWorld(t)
	note := func(name, inode string) {
		t.Helper()
		if err := os.WriteFile(w.Folder(going+name+"."+inode), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mkdir := func(name string) string {
		t.Helper()
		if err := os.Mkdir(w.Folder(name), 0o755); err != nil {
			t.Fatal(err)
		}
		inode, err := inodeOf(w.Folder(name))
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatUint(inode, 10)
	}
	mkdir(coming + "123") // killed before the rename
	inode := mkdir("person-1")
	note("person-1", inode)  // killed in mid-removal
	note("person-2", "4711") // gone, but for the note
	note("person-3", mkdir("person-3")+"9")
	// By the last name there is somebody else's folder now.
	names, err := findHalfGone(w)
	if err != nil || !slices.Equal(names, []string{"person-1"}) {
		t.Errorf("half gone are %q, %v", names, err)
	}
	if left := hidden(t, w); !slices.Equal(left, []string{going + "person-1." + inode}) {
		t.Errorf("left: %q", left)
	}
	if _, err := os.Stat(w.Folder("person-3")); err != nil {
		t.Error("somebody else's folder is gone")
	}
	if err := removeContainer(t.Context(), w, "person-1", 0); err != nil {
		t.Fatal(err)
	}
	if left := hidden(t, w); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// hidden gives the names beside those of containers.
func hidden(t *testing.T, w *world) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(w.Folder("x")))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".jarloop-") {
			names = append(names, e.Name())
		}
	}
	return names
}
