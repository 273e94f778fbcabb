package base

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/klauspost/compress/zstd"
)

// keepAll are tar's arguments that keep all that a root consists of: owners as
// numbers, capabilities and other attributes, access lists.
var keepAll = []string{"--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls"}

// Export writes the recipe's base, which has to be built, complete and
// stopped, to a new file that Import takes, and gives the file's size. The
// file appears when it is whole and on disk: a failure leaves none.
func (b *Builder) Export(ctx context.Context, r Recipe, file string) (size int64, err error) {
	container := r.Container()
	size, err = b.export(ctx, r, container, file)
	if err != nil {
		return 0, fmt.Errorf("export base %s to %s: %w", container, file, err)
	}
	return size, nil
}

func (b *Builder) export(ctx context.Context, r Recipe, container, file string) (size int64, err error) {
	if err := errors.Join(r.check(), b.check()); err != nil {
		return 0, err
	}
	if r.exists() {
		return 0, errors.New("it has no recipe: only a base with a distribution or a template can be exported")
	}
	if err := absent(file); err != nil {
		return 0, err
	}
	dir := filepath.Join(b.Path, container)
	if !ready(dir, r.hash()) {
		return 0, fmt.Errorf("it is not built: jarloop provision %s", r.Name)
	}
	w := b.newBuild(r, container, dir)
	w.doing, w.estimated = "exporting", 0
	unlock, err := b.lock(ctx, container, func() { w.begin("wait for another build of it") })
	if err != nil {
		return 0, err
	}
	defer unlock() // until then nobody removes it
	w.began = time.Now()
	if err := stopped(ctx, dir); err != nil {
		return 0, err
	}
	h, err := w.head()
	if err != nil {
		return 0, err
	}
	out, err := renameio.NewPendingFile(file, renameio.WithPermissions(0o644))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Cleanup()) }() // nothing to do once it is replaced
	if size, err = w.pack(ctx, out.File, h); err != nil {
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

// head gives what the file says of the base, all but the size and the sum.
func (w *build) head() (head, error) {
	m, err := readMark(w.dir)
	if err != nil {
		return head{}, err
	}
	h := head{
		Jarloop: "base", Format: fileFormat, Recipe: w.recipe, Hash: m.Hash, Arch: runtime.GOARCH,
		Begun: m.Begun, Took: int64(m.Took),
	}
	if w.recipe.Template == "" {
		return h, nil
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "config"))
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

// pack writes the head and the root to out, and gives their size.
func (w *build) pack(ctx context.Context, out *os.File, h head) (int64, error) {
	w.begin("measure")
	total, err := treeSize(ctx, w.root)
	if err != nil {
		return 0, err
	}
	// As long as it can get.
	h.Size, h.Sum = 1<<62, strings.Repeat("0", 2*sha256.Size)
	frame, err := h.frame(0)
	if err != nil {
		return 0, err
	}
	if _, err := out.Write(frame); err != nil {
		return 0, err
	}
	w.begin("pack")
	sum := sha256.New()
	packed := &counter{}
	encoder, err := zstd.NewWriter(io.MultiWriter(out, sum, packed))
	if err != nil {
		return 0, err
	}
	read := &counter{told: func(n int64) { w.moved(n, total) }}
	data := &witness{w: io.MultiWriter(encoder, read)}
	args := append([]string{"--create", "--file=-", "--directory=" + w.root, "--one-file-system", "--sparse"}, keepAll...)
	err = pipe(ctx, w.line, nil, data, "tar", append(args, ".")...)
	if data.err != nil {
		err = data.err // tar says no more than that nobody reads
	}
	if err := errors.Join(err, encoder.Close()); err != nil {
		return 0, fmt.Errorf("pack the root: %w", err)
	}
	h.Size, h.Sum = packed.n, hex.EncodeToString(sum.Sum(nil))
	if frame, err = h.frame(len(frame)); err != nil {
		return 0, err
	}
	if _, err := out.WriteAt(frame, 0); err != nil {
		return 0, err
	}
	return int64(len(frame)) + packed.n, nil
}

// treeSize gives about what the regular files below dir hold, in bytes.
func treeSize(ctx context.Context, dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// moved tells that so many of all bytes have been read.
func (w *build) moved(n, all int64) {
	if all <= 0 {
		return
	}
	n = min(n, all)
	w.mu.Lock()
	w.estimated = time.Duration(float64(time.Since(w.began)) * float64(all) / float64(max(n, 1)))
	w.mu.Unlock()
	w.report(fmt.Sprintf("%d of %d MB", n/1e6, all/1e6))
}

// counter counts bytes, and tells of every megabyte.
type counter struct {
	n    int64
	last int64
	told func(int64)
}

// Write never fails.
func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	if c.told != nil && c.n-c.last >= 1e6 {
		c.last = c.n
		c.told(c.n)
	}
	return len(p), nil
}

// witness remembers why a tool could not go on: the tool itself only sees
// that its pipe is closed.
type witness struct {
	w   io.Writer
	r   io.Reader
	err error
}

func (w *witness) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

func (w *witness) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}
