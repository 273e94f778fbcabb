package base

import (
	"context"
	"crypto/sha256"
	_ "embed" // the script
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/klauspost/compress/zstd"
)

//go:embed scripts/unpack.sh
var unpackScript string

// mostWindow is how much memory a file may ask of its reader: what "zstd -19"
// does, and far more than Export.
const mostWindow = 64 << 20

// Named gives the name that the base in a file has in the configuration. What
// is not a file of Export, or not all of one, is an ErrFile.
func Named(file string) (string, error) {
	f, h, _, err := openFile(file)
	if err != nil {
		return "", fmt.Errorf("read the base in %s: %w", file, err)
	}
	f.Close()
	return printable(h.Recipe.Name), nil
}

// Import makes the recipe's base of a file that Export wrote, and gives its
// container. It is refused with ErrDiffers when the base in the file is
// another one, with ErrFile when the file is damaged or not whole, and when
// the base is there already. Whatever the file holds, nothing outside of the
// base is written; what fails leaves nothing.
//
// The sum in the file shows damage, not malice: who wrote the file is root in
// the base's clones.
func (b *Builder) Import(ctx context.Context, r Recipe, file string) (container string, err error) {
	container = r.Container()
	if err := b.importFile(ctx, r, container, file); err != nil {
		return "", fmt.Errorf("import base %s from %s: %w", container, file, err)
	}
	return container, nil
}

func (b *Builder) importFile(ctx context.Context, r Recipe, container, file string) error {
	if err := errors.Join(r.check(), b.check()); err != nil {
		return err
	}
	if r.exists() {
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
	if err := b.makePath(r); err != nil {
		return err
	}
	dir := filepath.Join(b.Path, container)
	w := b.newBuild(r, container, dir)
	w.doing, w.estimated = "importing", 0
	unlock, err := b.lock(ctx, container, func() { w.begin("wait for another build of it") })
	if err != nil {
		return err
	}
	defer unlock()
	if ready(dir, r.hash()) {
		return errors.New("it is there already; to have the file's instead, remove it first: jarloop clean --bases")
	}
	// What a killed build left, if anything.
	if err := b.remove(ctx, dir); err != nil {
		return err
	}
	if err := claim(dir); err != nil {
		return err
	}
	if err := w.restore(ctx, h, io.NewSectionReader(f, start, h.Size)); err != nil {
		undo, done := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer done()
		return errors.Join(err, w.undo(undo))
	}
	return nil
}

// openFile opens a file whose head is right, and whose content begins at
// start and has the size that the head says.
func openFile(file string) (f *os.File, h head, start int64, err error) {
	f, err = os.Open(file)
	if err != nil {
		return nil, h, 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, h, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, h, 0, fmt.Errorf("%w: not a regular file", ErrFile)
	}
	if h, start, err = readHead(f); err != nil {
		return nil, h, 0, err
	}
	if has := info.Size() - start; has != h.Size {
		return nil, h, 0, fmt.Errorf("%w: %d bytes after its head, and it should have %d; copy it once more", ErrFile, has, h.Size)
	}
	return f, h, start, nil
}

// restore makes the base of the file's content, in the same order as a build.
func (w *build) restore(ctx context.Context, h head, content io.Reader) error {
	w.began = time.Now() // the wait for another build is no part of this one
	if err := os.Mkdir(w.dir, 0o770); err != nil {
		return err
	}
	w.made = true
	m := w.mark()
	if err := writeMark(w.dir, m); err != nil {
		return err
	}
	if err := w.makeSubvolume(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(w.root, 0o755); err != nil {
		return err
	}
	if err := w.unpack(ctx, h, content); err != nil {
		return err
	}
	if err := w.give(ctx); err != nil {
		return err
	}
	w.begin("write it to disk")
	if err := syncAll(w.root); err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(w.dir, "config"), []byte(w.config(h)), 0o640); err != nil {
		return err
	}
	// Of the build, since that is what the next one is estimated by.
	m.Begun, m.Took, m.Complete = h.Begun, time.Duration(h.Took), true
	return writeMark(w.dir, m)
}

// unpack unpacks the content into the root, and says whether its sum is right.
func (w *build) unpack(ctx context.Context, h head, content io.Reader) error {
	w.begin("unpack")
	world := filepath.Join(w.dir, "unpack")
	if err := os.Mkdir(world, 0o700); err != nil {
		return err
	}
	sum := sha256.New()
	read := &counter{told: func(n int64) { w.moved(n, h.Size) }}
	content = io.TeeReader(content, io.MultiWriter(sum, read))
	// Not ahead of tar: what it leaves is read below.
	decoder, err := zstd.NewReader(content, zstd.WithDecoderMaxWindow(mostWindow), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	data := &witness{r: decoder}
	args := append([]string{"-c", unpackScript, "sh", world, w.root,
		"--extract", "--file=-", "--same-owner", "--preserve-permissions"}, keepAll...)
	err = pipe(ctx, w.line, data, nil, "sh", args...)
	decoder.Close()
	if ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay) { // somebody may still read
		return err
	}
	// Damage is the cause of whatever else went wrong.
	if _, e := io.Copy(io.Discard, content); e != nil {
		return e
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != h.Sum {
		return fmt.Errorf("%w: its content is damaged, by its checksum; copy it once more", ErrFile)
	}
	if err = errors.Join(data.err, err); err != nil {
		return fmt.Errorf("unpack the root: %w", err)
	}
	return os.Remove(world)
}

// config gives the configuration of an imported container: what belongs to
// this host is this host's.
func (w *build) config(h head) string {
	if w.recipe.Distribution != "" {
		return w.settings().render()
	}
	s := settings{bridge: w.Bridge, apparmor: profile(), first: w.recipe.First}
	if onDisk(filepath.Join(w.root, "etc/systemd/system")) {
		s.halt = haltSystemd
	}
	lines := append([]string{"lxc.uts.name = " + w.container, "lxc.rootfs.path = " + w.rootfsPath()}, h.Config...)
	return s.adapt(strings.Join(lines, "\n") + "\n")
}
