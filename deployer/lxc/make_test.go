//go:build cgo

package lxc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// newEngine gives one whose child keeps what it is asked, and answers "done".
func newEngine(t *testing.T) (e *Engine, asked string) {
	t.Helper()
	asked = filepath.Join(t.TempDir(), "asked")
	e, err := New(Options{
		Path: t.TempDir(), Logs: t.TempDir(), Bridge: bridge, Backing: "btrfs",
		Child: []string{"/bin/sh", "-c", "cat >> $0; echo '{}'", asked},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e, asked
}

// base makes one whose root holds files.
func (e *Engine) base(t *testing.T, name string, files ...string) (rootfs string) {
	t.Helper()
	rootfs = filepath.Join(e.Path, name, "rootfs")
	mkdir(t, rootfs)
	writeFile(t, e.disk.config(name), "lxc.rootfs.path = dir:"+rootfs+"\n")
	for _, f := range files {
		mkdir(t, filepath.Dir(filepath.Join(rootfs, f)))
		writeFile(t, filepath.Join(rootfs, f), f)
	}
	return rootfs
}

func TestACloneIsOfTheConfiguredBackingAndGetsItsFiles(t *testing.T) {
	e, asked := newEngine(t)
	e.base(t, "service-base", "sbin/init", "sbin/initctl", "etc/init/rc.conf")
	if err := e.Create(t.Context(), deployer.Spec{Name: "web-3", Base: "service-base", Record: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(asked)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	var clone, write request
	var files []guest.File
	for _, part := range []any{&clone, &write, &files} {
		if err := decoder.Decode(part); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	if clone.Op != opClone || clone.Backing != "btrfs" || clone.Base != "service-base" || clone.Name != "web-3" || clone.Path != e.Path {
		t.Errorf("the clone is %+v", clone)
	}
	if write.Op != opWrite || write.Name != "web-3" {
		t.Errorf("files are for %+v", write)
	}
	there := map[string]bool{}
	for _, f := range files {
		there[f.Name] = true
	}
	if !there["/etc/hostname"] || !there[guest.RunFile] || !there["/etc/init/jarloop.conf"] {
		t.Errorf("files are %v", there)
	}
}

func TestABaseWithoutAKnownInitIsRefusedBeforeAnythingIsMade(t *testing.T) {
	e, asked := newEngine(t)
	e.base(t, "openrc", "sbin/init", "sbin/openrc")
	e.base(t, "empty")
	for base, want := range map[string]string{
		"openrc": "base openrc: detect init: ", "empty": "base empty: detect init: ",
		"none": "there is no base none in " + e.Path + ": build it with jarloop provision",
	} {
		err := e.Create(t.Context(), deployer.Spec{Name: "web-3", Base: base})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	if _, err := os.Stat(asked); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("liblxc was asked: %v", err)
	}
	if all, err := e.disk.list(); len(all) != 0 || err != nil {
		t.Errorf("there are %v, %v", all, err)
	}
}

func TestReportsAreLentToTheOwnerOfTheBasesRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving files away needs root")
	}
	e, _ := newEngine(t)
	privileged, unprivileged := e.base(t, "privileged"), e.base(t, "unprivileged")
	const first = 100000
	if err := os.Chown(unprivileged, first, first); err != nil {
		t.Fatal(err)
	}
	above := e.Logs
	for dir := above; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	is := func(owner int, mode fs.FileMode) {
		t.Helper()
		info, err := os.Stat(e.disk.kept("web-3").Reports())
		if err != nil || ownerOf(info) != owner || info.Mode().Perm() != mode {
			t.Errorf("%v, %v; want mode %v of user %d", info, err, mode, owner)
		}
	}
	if err := e.makeReports("web-3", privileged); err != nil {
		t.Error(err)
	}
	is(0, 0o755)
	if err := os.Chmod(above, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := e.makeReports("web-3", unprivileged); err == nil || !strings.Contains(err.Error(), "cannot pass "+above+": chmod o+x "+above) {
		t.Errorf("a folder that cannot be come to: %v", err)
	}
	is(0, 0o755)
	if err := errors.Join(os.Chown(above, 0, first), os.Chmod(above, 0o710)); err != nil {
		t.Fatal(err)
	}
	if err := e.makeReports("web-3", unprivileged); err != nil {
		t.Error(err)
	}
	is(first, 0o700)
}

func TestFilesAreWrittenInsideTheRootAlone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to the container's owner")
	}
	files := []guest.File{
		{Name: "/etc/hostname", Mode: 0o644, Data: []byte("web-3\n")},
		{Name: "/opt/new/bin/run", Mode: 0o755, Data: []byte("#!/bin/sh\n")},
		{Name: "/etc/resolv.conf", Mode: 0o600, Data: []byte{0, 0xff, '"', '\n'}}, // any bytes, in place of a link
		{Name: "/etc/systemd/wants/web.service", Link: "../web.service"},
		{Name: "/etc/empty", Mode: 0o644},
	}
	sent, err := json.Marshal(append(files, guest.File{Name: "/etc/left", Gone: true}, guest.File{Name: "/etc/never", Gone: true}))
	if err != nil {
		t.Fatal(err)
	}
	outside, root := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(outside, "victim"), "mine")
	mkdir(t, filepath.Join(root, "etc"))
	mkdir(t, filepath.Join(root, outside)) // a link out of the root leads back into it
	for name, link := range map[string]string{"etc/resolv.conf": filepath.Join(outside, "victim"), "etc/left": filepath.Join(outside, "victim"), "opt": outside} {
		if err := os.Symlink(link, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeFiles(root, bytes.NewReader(sent)); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		at := filepath.Join(root, f.Name)
		if inOpt, found := strings.CutPrefix(f.Name, "/opt/"); found {
			at = filepath.Join(root, outside, inOpt)
		}
		if f.Link != "" {
			if link, err := os.Readlink(at); err != nil || link != f.Link {
				t.Errorf("%s leads to %q, %v", f.Name, link, err)
			}
			continue
		}
		data, err := os.ReadFile(at)
		info, e := os.Lstat(at)
		if err != nil || e != nil || !bytes.Equal(data, f.Data) || info.Mode() != f.Mode {
			t.Errorf("%s is %q, %v (%v, %v)", f.Name, data, info.Mode(), err, e)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "etc/left")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was to go is there: %v", err)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside are %v, %v", left, err)
	}
	if text, err := os.ReadFile(filepath.Join(outside, "victim")); err != nil || string(text) != "mine" {
		t.Errorf("the file outside holds %q, %v", text, err)
	}
}

func TestWhatCannotBeWrittenIsSaid(t *testing.T) {
	root := t.TempDir()
	mkdir(t, filepath.Join(root, "etc/hosts"))
	for _, c := range []struct{ name, dir, files, want string }{
		{"a list that is cut off", root, `[{"Name":"/etc/ho`, "unexpected EOF"},
		{"no list", root, ``, "EOF"},
		{"a root that is not there", root + "/none", `[]`, "open root " + root + "/none: no such file or directory"},
		{"a folder in the way", root, `[{"Name":"/etc/hosts","Mode":420}]`, "put /etc/hosts in " + root + ": is a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := writeFiles(c.dir, strings.NewReader(c.files)); err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestAReportOfTheRunBeforeDoesNotCount is about one that is started again, and
// about what an earlier version has left of that.
func TestAReportOfTheRunBeforeDoesNotCount(t *testing.T) {
	e, _ := newEngine(t)
	const name = "web-3"
	report := guest.ExitReport(e.disk.kept(name).Reports())
	mkdir(t, filepath.Dir(report))
	is := func(want string) {
		t.Helper()
		got := e.report(name)
		if got == nil && want == "" {
			return
		}
		if got == nil || got.How != want || !got.Exited || got.Status != 1 {
			t.Errorf("the report is %+v, want %q", got, want)
		}
	}
	is("")
	writeFile(t, report, "exit-code exited 1\n")
	is("exited with status 1")
	e.table.ignore(name, e.reportID(name))
	is("")
	if err := errors.Join(os.WriteFile(report+".tmp", []byte("exit-code exited 1\n"), 0o644), os.Rename(report+".tmp", report)); err != nil {
		t.Fatal(err)
	}
	is("exited with status 1") // the same once more
	if err := os.Rename(report, report+".before"); err != nil {
		t.Fatal(err)
	}
	is("exited with status 1")
	if err := errors.Join(os.Remove(report), syscall.Mkfifo(report, 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := e.report(name); got == nil || !strings.HasPrefix(got.How, "ended, and ") || got.Exited {
		t.Errorf("of no report it says %+v", got)
	}
}

func TestALackOfDescriptorsIsNotTakenForAnEnd(t *testing.T) {
	e, _ := newEngine(t)
	const name = "web-3"
	mkdir(t, filepath.Dir(e.disk.record(name)))
	writeFile(t, e.disk.record(name), "{}")
	report := guest.ExitReport(e.disk.kept(name).Reports())
	mkdir(t, filepath.Dir(report))
	writeFile(t, report, "exit-code exited 1\n")

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	_, open := os.Open("/")
	err := e.Check(name)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(open, unix.EMFILE) {
		t.Fatalf("a file could be opened: %v", open)
	}
	if err != nil {
		t.Errorf("while no file could be opened: %v", err)
	}
	if e.Check(name) == nil {
		t.Error("its end is not seen at all")
	}
}
