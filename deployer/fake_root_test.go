package deployer

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

type fakeRoot struct {
	w *world
	c *fakeContainer
}

func (r *fakeRoot) ReadFile(name string) ([]byte, error) {
	text, found := r.c.files[name]
	if !found {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (r *fakeRoot) WriteFile(name string, data []byte, _ fs.FileMode) error {
	return r.w.do("write", func() error { r.c.files[name] = string(data); return nil })
}

func (r *fakeRoot) CopyTree(_ context.Context, src, dst string) error {
	return r.w.do("copy", func() error {
		return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			r.c.files[filepath.Join(dst, strings.TrimPrefix(path, src))] = string(text)
			return err
		})
	})
}

func (r *fakeRoot) OpenGate() error {
	return r.w.do("gate", func() error { r.c.unit, r.c.cached = true, r.c.names; return nil })
}

func (r *fakeRoot) Open(string) (*os.File, error) { return nil, fs.ErrNotExist }
func (r *fakeRoot) Glob(string) ([]string, error) { return nil, nil }
func (r *fakeRoot) Close() error                  { return nil }
