package guest

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plant makes a tree of files, by name.
func plant(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		name = filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o700))
		must(t, os.WriteFile(name, []byte(data), 0o640))
	}
}

// tree gives what is below a folder: files with their content, folders that
// are empty with "/".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case d.IsDir():
			if entries, err := os.ReadDir(path); err != nil || len(entries) > 0 {
				return err
			}
			found[name] = "/"
		case d.Type().IsRegular():
			found[name] = content(t, path)
		default:
			found[name] = d.Type().String()
		}
		return nil
	}))
	return found
}

func TestCopyTree(t *testing.T) {
	first := map[string]string{"a.jar": "1", "config.yml": "c", "sub/x": "x", "kind": "file"}
	second := map[string]string{"a.jar": "2", "sub/deep/y": "y", "kind/now/folder": "z"}
	for _, tc := range []struct {
		name    string
		prepare func(t *testing.T, inside string)
		where   string // dst as it is inside, if that is another
	}{
		{name: "where nothing is"},
		{name: "where parents are missing", where: "srv/a/b"},
		{name: "through an absolute link in the way", where: "run/app",
			prepare: func(t *testing.T, inside string) { must(t, os.Symlink("/run", filepath.Join(inside, "app"))) }},
		{name: "where a link to a folder is", where: "tmp",
			prepare: func(t *testing.T, inside string) { must(t, os.Symlink("/tmp", filepath.Join(inside, "app"))) }},
		{name: "where files of the image are, and links and FIFOs",
			prepare: func(t *testing.T, inside string) {
				plant(t, inside, map[string]string{"app/old/of/the/image": "o", "app/config.yml/was/a/folder": "o"})
				must(t, os.Symlink("/etc", filepath.Join(inside, "app/sub")))
				mkfifo(t, filepath.Join(inside, "app/fifo"))
			}},
		{name: "where a copy was cut off",
			prepare: func(t *testing.T, inside string) {
				plant(t, inside, map[string]string{beside(place{nil, "app"}).base + "/half": "h"})
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, inside, outside := image(t)
			if tc.prepare != nil {
				tc.prepare(t, inside)
			}
			dst, where := "/app", tc.where
			switch tc.where {
			case "":
				where = "app"
			case "srv/a/b":
				dst = "/srv/a/b"
			case "run/app":
				dst = "/app/app"
			}
			for _, set := range []map[string]string{first, second} {
				src := t.TempDir()
				plant(t, src, set)
				must(t, os.MkdirAll(filepath.Join(src, "empty"), 0o700))
				must(t, r.CopyTree(t.Context(), src, dst))
				want := maps.Clone(set)
				want["empty"] = "/"
				if d := cmp.Diff(want, tree(t, filepath.Join(inside, where))); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
			}
			for name, mode := range map[string]fs.FileMode{"": fs.ModeDir | 0o755, "sub": fs.ModeDir | 0o755, "a.jar": 0o640} {
				if info, err := os.Stat(filepath.Join(inside, where, name)); err != nil || info.Mode() != mode {
					t.Errorf("%q: %v, %v; want %v", name, info.Mode(), err, mode)
				}
			}
			untouched(t, outside)
			noTemporaries(t, inside)
		})
	}
}

func TestCopyTreeThatFailsLeavesTheOldTree(t *testing.T) {
	r, inside, _ := image(t)
	old := map[string]string{"a.jar": "1"}
	plant(t, inside, map[string]string{"app/a.jar": "1"})
	src := t.TempDir()
	plant(t, src, map[string]string{"a.jar": "2"})
	ended, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("a newer set is there")
	cancel(cause)
	if err := r.CopyTree(ended, src, "/app"); !errors.Is(err, cause) {
		t.Errorf("with an ended context: %v", err)
	}
	mkfifo(t, filepath.Join(src, "fifo"))
	if err := r.CopyTree(t.Context(), src, "/app"); !errors.Is(err, ErrIrregular) {
		t.Errorf("of a FIFO: %v", err)
	}
	if err := r.CopyTree(t.Context(), filepath.Join(src, "none"), "/app"); !isNotExist(err) {
		t.Errorf("of nothing: %v", err)
	}
	if err := r.CopyTree(t.Context(), src, "/"); err == nil {
		t.Error("the root itself was replaced")
	}
	if d := cmp.Diff(old, tree(t, filepath.Join(inside, "app"))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	noTemporaries(t, inside)
}
