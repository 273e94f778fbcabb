//go:build cgo

package lxc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
)

func newDisk(t *testing.T) disk {
	t.Helper()
	return disk{t.TempDir(), t.TempDir()}
}

// hidden gives the names beside those of containers.
func (d disk) hidden(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(d.path)
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

func TestAFolderIsNeverThereWithoutItsRecord(t *testing.T) {
	d := newDisk(t)
	if err := d.claim("person-7", []byte("record")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(d.record("person-7")); err != nil || string(got) != "record" || !d.half("person-7") {
		t.Errorf("the record in the claimed folder: %q, %v", got, err)
	}
	mkdir(t, d.folder("person-8")) // somebody else's, and empty
	for _, name := range []string{"person-7", "person-8"} {
		if err := d.claim(name, []byte("another")); !errors.Is(err, deployer.ErrExists) {
			t.Errorf("%s, which is there, is claimed: %v", name, err)
		}
	}
	if left := d.hidden(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestWhatWasHalfMadeOrHalfRemovedIsListed(t *testing.T) {
	d := newDisk(t)
	note := func(name, inode string) {
		t.Helper()
		writeFile(t, d.folder(going+name+"."+inode), "record of "+name)
	}
	folder := func(name string) string {
		t.Helper()
		mkdir(t, d.folder(name))
		inode, err := inodeOf(d.folder(name))
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatUint(inode, 10)
	}
	mkdir(t, d.folder(coming+"123")) // by an earlier version, killed before the rename
	mkdir(t, d.folder(coming+"person-4.123"))
	writeFile(t, filepath.Join(d.folder(coming+"person-4.123"), recordFile), "record of person-4")
	note("person-1", folder("person-1")) // killed in mid-removal
	note("person-2", "4711")             // gone, but for the note
	note("person-3", folder("person-3")+"9")
	folder("foreign-5")
	folder("person-6")
	for _, file := range []string{recordFile, "config"} { // by an earlier version, which knows no other sign
		writeFile(t, filepath.Join(d.folder("person-6"), file), "record of person-6")
	}
	mkdir(t, d.folder("person-6-copy"))
	writeFile(t, d.record("person-6-copy"), "record of person-6")

	half := func(name string) deployer.Instance {
		return deployer.Instance{Name: name, Record: []byte("record of " + name), Half: true}
	}
	want := []deployer.Instance{half("person-1"), half("person-2"), half("person-3"), half("person-4"), {Name: "person-6", Record: []byte("record of person-6")}}
	got, err := d.list()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}

	removed := map[string]bool{}
	for _, name := range []string{"person-1", "person-2", "person-3", "person-4"} {
		there, err := d.depart(name)
		if err != nil {
			t.Error(err)
		}
		removed[name] = there // by liblxc, which is not here
		if err := d.forget(name); err != nil {
			t.Error(err)
		}
	}
	// By person-3's name there is somebody else's folder by now.
	if diff := cmp.Diff(map[string]bool{"person-1": true, "person-2": false, "person-3": false, "person-4": false}, removed); diff != "" {
		t.Errorf("to be removed (-want +got):\n%s", diff)
	}
	if left := d.hidden(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if err := d.claim("person-9", nil); err != nil { // which sweeps what says no name
		t.Error(err)
	}
}

func TestTheLastRecordStaysWithTheOutput(t *testing.T) {
	d := newDisk(t)
	const name = "person-7"
	kept := d.kept(name)
	mkdir(t, kept.Reports())
	is := func(want string) {
		t.Helper()
		got, err := Record(d.path, d.logs, name)
		if want == "" && !errors.Is(err, fs.ErrNotExist) || want != "" && (err != nil || string(got) != want) {
			t.Errorf("the record is %q, %v; want %q", got, err, want)
		}
	}
	is("")
	if err := d.claim(name, []byte("new")); err != nil {
		t.Fatal(err)
	}
	is("new")
	if err := d.setRecord(name, []byte("live")); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	if err := os.Chtimes(d.record(name), yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	is("live")
	if there, err := d.depart(name); err != nil || !there {
		t.Fatal(there, err)
	}
	is("live")
	if err := errors.Join(os.RemoveAll(d.folder(name)), d.forget(name)); err != nil {
		t.Fatal(err)
	}
	is("live")
	if info, err := os.Stat(kept.Record()); err != nil || !info.ModTime().Equal(yesterday) {
		t.Errorf("it was written %v, %v", info, err)
	}
	if _, err := Record(d.path, d.logs, "../x"); err == nil {
		t.Error("a record of no name was read")
	}
}

func TestTheLastNumberIsTheHighestThereIsOrWas(t *testing.T) {
	d := newDisk(t)
	for _, dir := range []string{d.folder("web-3"), d.folder("web-x-9"), d.folder("web-"), d.folder("web-07"), filepath.Join(d.logs, "web", "5"), filepath.Join(d.logs, "web", "x")} {
		mkdir(t, dir)
	}
	mkdir(t, d.folder(coming+"mail-2.123"))          // something of it is to be removed
	writeFile(t, d.folder(going+"queue-4.4711"), "") // as well
	for service, want := range map[string]int{"web": 5, "web-x": 9, "x": 0, "mail": 2, "queue": 4} {
		if n, err := d.lastNumber(service); n != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", service, n, err, want)
		}
	}
	if n, err := (disk{"/no/such", "/no/such"}).lastNumber("web"); n != 0 || err != nil {
		t.Errorf("where nothing is: %d, %v", n, err)
	}
	if all, err := (disk{"/no/such", "/no/such"}).list(); len(all) != 0 || err != nil {
		t.Errorf("where nothing is: %v, %v", all, err)
	}
}

// TestAProductionHasANameThatNothingIsLeftOf: what an agent that was killed has left is
// removed under its name, in the middle of a production that had it, too.
func TestAProductionHasANameThatNothingIsLeftOf(t *testing.T) {
	e := &Engine{disk: newDisk(t)}
	mkdir(t, e.disk.folder(coming+producing+"-1.123"))
	writeFile(t, e.disk.folder(going+producing+"-2.4711"), "")
	for _, want := range []string{producing + "-3", producing + "-5"} {
		name, err := e.claimProduction()
		if name != want || err != nil {
			t.Errorf("it is %s, %v; want %s", name, err, want)
		}
	}
}
