package base

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// forged writes a file as Export would of the archive, its head changed.
func forged(t *testing.T, r Recipe, archive []byte, change func(*head)) string {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	content := encoder.EncodeAll(archive, nil)
	sum := sha256.Sum256(content)
	h := head{
		Jarloop: "base", Format: fileFormat, Recipe: r, Hash: r.Hash(), Arch: runtime.GOARCH,
		Size: int64(len(content)), Sum: hex.EncodeToString(sum[:]),
	}
	if change != nil {
		change(&h)
	}
	frame, err := h.frame(0)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "forged")
	writeFile(t, file, string(frame)+string(content), 0o644)
	return file
}

// archive makes a tar archive.
func archive(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		text := ""
		if h.Typeflag == tar.TypeReg {
			text = "escaped"
			h.Size = int64(len(text))
		}
		h.Mode = 0o755
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsUnpackedStaysInTheRoot(t *testing.T) {
	needRoot(t)
	r := busybox()
	victim := t.TempDir()
	writeFile(t, filepath.Join(victim, "file"), "mine", 0o600)
	for name, entries := range map[string][]tar.Header{
		"a name that goes up":      {{Name: "../../../../../../../.." + victim + "/new", Typeflag: tar.TypeReg}},
		"an absolute name":         {{Name: victim + "/new", Typeflag: tar.TypeReg}},
		"through an absolute link": {{Name: "a", Typeflag: tar.TypeSymlink, Linkname: victim}, {Name: "a/new", Typeflag: tar.TypeReg}},
		"over an absolute link":    {{Name: "a", Typeflag: tar.TypeSymlink, Linkname: victim + "/file"}, {Name: "a", Typeflag: tar.TypeReg}},
		"through a link that climbs": {{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "../../../../../../../.." + victim},
			{Name: "a/file", Typeflag: tar.TypeReg}},
		"a link to a link": {{Name: "a", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "b", Typeflag: tar.TypeSymlink, Linkname: "a/.."}, {Name: "b/config", Typeflag: tar.TypeReg}},
		"a hard link":      {{Name: "a", Typeflag: tar.TypeLink, Linkname: victim + "/file"}, {Name: "a", Typeflag: tar.TypeReg}},
		"the host's /usr":  {{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/usr"}, {Name: "a/jlt-escaped", Typeflag: tar.TypeReg}},
		"the mark":         {{Name: "../" + markFile, Typeflag: tar.TypeReg}},
		"through a device": {{Name: "a", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5}, {Name: "a", Typeflag: tar.TypeReg}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &Store{Path: filepath.Join(t.TempDir(), "lxc")}
			container, err := b.Import(deadline(t, time.Minute), r, forged(t, r, archive(t, entries...), nil))
			t.Log(err)
			if err == nil { // harmless inside of the root
				if m, err := readMark(filepath.Join(b.Path, container)); err != nil || !m.Complete {
					t.Errorf("the mark: %+v, %v", m, err)
				}
				if err := b.Remove(deadline(t, time.Minute), container); err != nil {
					t.Error(err)
				}
			}
			wantEmpty(t, b.Path)
			if left, err := os.ReadDir(victim); err != nil || len(left) != 1 {
				t.Errorf("beside the victim: %v, %v", left, err)
			}
			if text, err := os.ReadFile(filepath.Join(victim, "file")); err != nil || string(text) != "mine" {
				t.Errorf("the victim: %q, %v", text, err)
			}
			if _, err := os.Lstat("/usr/jlt-escaped"); err == nil {
				t.Error("it is in /usr")
			}
		})
	}
}

func TestImportRefusesAndLeavesNothing(t *testing.T) {
	needRoot(t)
	r := Recipe{Name: "b", Distribution: "debian:bookworm", Packages: []string{"z", "a"}, Run: []string{"true"}}
	good := forged(t, r, archive(t, tar.Header{Name: "etc", Typeflag: tar.TypeDir}), nil)
	with := func(change func(*head)) string { return forged(t, r, []byte("no tar"), change) }
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	bytesOf := func(text []byte) string {
		file := filepath.Join(t.TempDir(), "file")
		writeFile(t, file, string(text), 0o644)
		return file
	}
	flipped := bytes.Clone(text)
	flipped[len(flipped)-8] ^= 1
	other := func(change func(*Recipe)) Recipe {
		o := r
		change(&o)
		return o
	}
	for _, c := range []struct {
		name, file string
		recipe     Recipe
		want       error
		says       string
	}{
		{"a distribution", good, other(func(r *Recipe) { r.Distribution = "debian:trixie" }), ErrDiffers,
			`its distribution is "debian:bookworm", and here it is "debian:trixie"`},
		{"packages", good, other(func(r *Recipe) { r.Packages = []string{"a"} }), ErrDiffers, `its packages is "a, z", and here it is "a"`},
		{"run lines", good, other(func(r *Recipe) { r.Run = nil }), ErrDiffers, `its run is "true", and here it is not given`},
		{"a mirror", good, other(func(r *Recipe) { r.Mirror = "http://m" }), ErrDiffers, "its mirror is not given"},
		{"another machine", with(func(h *head) { h.Arch = "s390x" }), r, ErrDiffers, "it is for s390x"},
		{"another version", with(func(h *head) { h.Hash = "0" }), r, ErrDiffers, "another version of jarloop"},
		{"a newer file", with(func(h *head) { h.Format = 99 }), r, ErrFile, "format 99"},
		{"a hook", with(func(h *head) { h.Config = []string{"lxc.hook.pre-start = /bin/evil"} }), r, ErrFile, "lxc.hook.pre-start"},
		{"an include", with(func(h *head) { h.Config = []string{"lxc.include = /usr/share/lxc/config/../../../../tmp/x"} }), r, ErrFile, "lxc.include"},
		{"no tar archive", with(nil), r, nil, "unpack the root: "},
		{"a damaged one", bytesOf(flipped), r, ErrFile, "checksum"},
		{"a short one", bytesOf(text[:len(text)-1]), r, ErrFile, "copy it once more"},
		{"half a head", bytesOf(text[:40]), r, ErrFile, "it ends too early"},
		{"an empty one", bytesOf(nil), r, ErrFile, "it ends too early"},
		{"something else", bytesOf([]byte("#!/bin/sh\nexit\n")), r, ErrFile, "no file of jarloop base export"},
		{"a folder", t.TempDir(), r, ErrFile, "not a regular file"},
		{"none", "/none", r, os.ErrNotExist, "/none"},
		{"for no recipe", good, Recipe{Name: "b"}, nil, "no recipe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &Store{Path: t.TempDir()}
			_, err := b.Import(deadline(t, time.Minute), c.recipe, c.file)
			if err == nil || !strings.Contains(err.Error(), c.says) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v; want %v, %q", err, c.want, c.says)
			}
			wantEmpty(t, b.Path)
		})
	}
	b := &Store{Path: t.TempDir()}
	if _, err := b.Import(deadline(t, time.Minute), r, good); err != nil {
		t.Errorf("the same packages in another order: %v", err)
	}
}

func TestAnImportThatIsCancelledLeavesNothing(t *testing.T) {
	_, r, file := exported(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	b := &Store{Path: t.TempDir(), Progress: func(p Progress) {
		if p.Step == "unpack" && p.Line == "" {
			cancel(errors.New("no more"))
		}
	}}
	if _, err := b.Import(ctx, r, file); err == nil || !strings.Contains(err.Error(), "no more") {
		t.Errorf("%v", err)
	}
	wantEmpty(t, b.Path)
}
