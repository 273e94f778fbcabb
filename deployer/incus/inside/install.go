package inside

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// install makes the target hold exactly what the archive holds that follows, and then
// names what the service runs. What does not come whole is not installed.
func (s *server) install(ctx context.Context) error {
	if s.Target != "" {
		if err := s.unpack(ctx); err != nil {
			return err
		}
	}
	return s.locked(ctx, func() error { return s.root.WriteFile(s.Command.Name, s.Command.Data, s.Command.Mode) })
}

// aside is where an archive is unpacked: on the disk, and not in memory.
const aside = "/var/tmp"

func (s *server) unpack(ctx context.Context) (err error) {
	if err := os.MkdirAll(aside, 0o755); err != nil { // #nosec G301 -- as it is everywhere
		return err
	}
	dir, err := os.MkdirTemp(aside, ".jarloop-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sum := sha256.New()
	if err := untar(ctx, io.TeeReader(s.in, sum), dir); err != nil {
		return fmt.Errorf("what was sent has not come whole: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != s.SHA256 {
		return fmt.Errorf("what has come is not what was sent: its SHA-256 is %s, not %s", got, s.SHA256)
	}
	return s.locked(ctx, func() error { return s.root.CopyTree(ctx, dir, s.Target) })
}

// untar unpacks regular files and folders, to the end of what is read.
func untar(ctx context.Context, from io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	archive := tar.NewReader(from)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, from)
			return err
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if err := unpackOne(root, h, archive); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func unpackOne(root *os.Root, h *tar.Header, content io.Reader) error {
	name := filepath.Clean(h.Name)
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(name, 0o755)
	}
	if h.Typeflag != tar.TypeReg {
		return fmt.Errorf("no regular file: %w", fs.ErrInvalid)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, h.FileInfo().Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(h.FileInfo().Mode().Perm()), f.Close())
}
