package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer/guest"
)

// request reads the head of what a child was asked, and gives the rest.
func request(t *testing.T, asked string) (head map[string]any, rest []byte) {
	t.Helper()
	text, err := os.ReadFile(asked)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&head); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return head, text[decoder.InputOffset():]
}

func TestWhatFillSendsWriteFilesWrites(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to the container's owner")
	}
	argv, asked := child(t)
	files := []guest.File{
		{Name: "/etc/hostname", Mode: 0o644, Data: []byte("web-3\n")},
		{Name: "/opt/new/bin/run", Mode: 0o755, Data: []byte("#!/bin/sh\n")},
		{Name: "/etc/resolv.conf", Mode: 0o600, Data: []byte{0, 0xff, '"', '\n'}}, // any bytes, in place of a link
		{Name: "/etc/systemd/wants/web.service", Link: "../web.service"},
		{Name: "/etc/empty", Mode: 0o644},
	}
	if err := NewMachine(configuration(t, ""), argv).Fill(t.Context(), "web-3", files); err != nil {
		t.Fatal(err)
	}
	head, rest := request(t, asked)
	if head["Name"] != "web-3" {
		t.Errorf("it is about %v", head["Name"])
	}

	outside, root := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "victim"), "mine")
	if err := errors.Join(os.Mkdir(filepath.Join(root, "etc"), 0o755),
		os.Symlink(filepath.Join(outside, "victim"), filepath.Join(root, "etc/resolv.conf")),
		os.Symlink(outside, filepath.Join(root, "opt"))); err != nil {
		t.Fatal(err)
	}
	// A link out of the root leads back into it.
	if err := os.MkdirAll(filepath.Join(root, outside), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFiles(root, bytes.NewReader(rest)); err != nil {
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
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside are %v, %v", left, err)
	}
	if text, err := os.ReadFile(filepath.Join(outside, "victim")); err != nil || string(text) != "mine" {
		t.Errorf("the file outside holds %q, %v", text, err)
	}
}

func TestWriteFilesSaysWhatItCannotWrite(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc/hosts"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dir, files, want string }{
		{"a list that is cut off", root, `[{"Name":"/etc/ho`, "unexpected EOF"},
		{"no list", root, ``, "EOF"},
		{"a root that is not there", root + "/none", `[]`, "open root " + root + "/none: no such file or directory"},
		{"a folder in the way", root, `[{"Name":"/etc/hosts","Mode":420}]`, "put /etc/hosts in " + root + ": is a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := WriteFiles(c.dir, strings.NewReader(c.files)); err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
