package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// Export writes the recipe's base, which has to be built, complete and
// stopped, to a new file that Import takes, and gives the file's size. The
// file appears when it is whole and on disk: a failure leaves none.
func (s *Store) Export(ctx context.Context, r Recipe, file string) (size int64, err error) {
	size, err = s.export(ctx, r, file)
	if err != nil {
		return 0, fmt.Errorf("export base %s to %s: %w", r.Container(), file, err)
	}
	return size, nil
}

func (s *Store) export(ctx context.Context, r Recipe, file string) (size int64, err error) {
	if err := errors.Join(r.Check(), s.check()); err != nil {
		return 0, err
	}
	if r.Exists() {
		return 0, errors.New("it has no recipe: only a base with a distribution or a template can be exported")
	}
	if err := absent(file); err != nil {
		return 0, err
	}
	container, there := s.There(r)
	if !there {
		return 0, fmt.Errorf("%w: jarloop provision %s", ErrNotBuilt, r.Name)
	}
	dir := s.folder(container)
	j := s.newJob("exporting", r, 0)
	defer j.end()
	unlock, err := lock(ctx, dir, j.wait)
	if err != nil {
		return 0, err
	}
	defer unlock() // until then nobody removes it
	j.locked()
	if err := stopped(ctx, dir); err != nil {
		return 0, err
	}
	h, err := headOf(dir, r)
	if err != nil {
		return 0, err
	}
	out, err := renameio.NewPendingFile(file, renameio.WithPermissions(0o644))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Cleanup()) }() // nothing to do once it is replaced
	size, err = writeWhole(out.File, h, func(w io.Writer) error { return rootfs.Pack(ctx, rootOf(dir), w, j) })
	if err != nil {
		return 0, err
	}
	// Somebody may have started the base, or written the file, meanwhile.
	if err := errors.Join(stopped(ctx, dir), absent(file)); err != nil {
		return 0, err
	}
	return size, out.CloseAtomicallyReplace()
}

func absent(file string) error {
	_, err := os.Lstat(file)
	if err == nil {
		return errors.New("the file exists: remove it, or give another name")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// headOf gives the head of a file for the base in dir, without size and sum.
func headOf(dir string, r Recipe) (head, error) {
	m, err := readMark(dir)
	if err != nil {
		return head{}, err
	}
	h := head{
		Jarloop: "base", Format: fileFormat, Recipe: r, Hash: m.Hash, Arch: runtime.GOARCH,
		Begun: m.Begun, Took: int64(m.Took),
	}
	if r.Template == "" {
		return h, nil
	}
	text, err := os.ReadFile(configOf(dir))
	if err != nil {
		return head{}, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); portable(line) {
			h.Config = append(h.Config, line)
		}
	}
	return h, nil
}
