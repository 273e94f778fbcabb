package base

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// Named gives the name that the base in a file has in the configuration. What
// is not a file of Export, or not all of one, is an ErrFile.
func Named(file string) (string, error) {
	f, h, _, err := openFile(file)
	if err != nil {
		return "", fmt.Errorf("read the base in %s: %w", file, err)
	}
	f.Close()
	return tool.Printable(h.Recipe.Name), nil
}

// Import makes the recipe's base of a file that Export wrote, and gives its
// container. It is refused with ErrDiffers when the base in the file is
// another one, with ErrFile when the file is damaged or not whole, and when
// the base is there already. Whatever the file holds, nothing outside of the
// base is written; what fails leaves nothing.
//
// The sum in the file shows damage, not malice: who wrote the file is root in
// the base's clones.
func (s *Store) Import(ctx context.Context, r Recipe, file string) (container string, err error) {
	container = r.Container()
	if err := s.importFile(ctx, r, file); err != nil {
		return "", fmt.Errorf("import base %s from %s: %w", container, file, err)
	}
	return container, nil
}

func (s *Store) importFile(ctx context.Context, r Recipe, file string) error {
	if err := r.Check(); err != nil {
		return err
	}
	if r.Exists() {
		return errors.New("the configuration has no recipe for it: give it the distribution or the template, and the rest, that the file's has")
	}
	f, h, start, err := openFile(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := h.suits(r); err != nil {
		return err
	}
	j := s.newJob("importing", r, 0)
	made, err := s.make(ctx, r, j, func(root string) (content, error) {
		return unpack(ctx, r, h, io.NewSectionReader(f, start, h.Size), root, j)
	})
	if err == nil && !made {
		return errors.New("it is there already; to have the file's instead, remove it first: jarloop clean --bases")
	}
	return err
}

// unpack unpacks a file's archive into root. A wrong sum is an ErrFile.
func unpack(ctx context.Context, r Recipe, h head, archive io.Reader, root string, j *job) (content, error) {
	sum := sha256.New()
	archive = io.TeeReader(archive, sum)
	err := rootfs.Unpack(ctx, r, root, archive, h.Size, j)
	if err != nil && (ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay)) { // it may still be read
		return content{}, err
	}
	// Damage is the cause of whatever else went wrong.
	if _, e := io.Copy(io.Discard, archive); e != nil {
		return content{}, e
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != h.Sum {
		return content{}, fmt.Errorf("%w: its content is damaged, by its checksum; copy it once more", ErrFile)
	}
	return content{config: strings.Join(h.Config, "\n"), begun: h.Begun, took: time.Duration(h.Took)}, err
}
