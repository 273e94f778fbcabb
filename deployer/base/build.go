package base

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/crash"
)

var (
	//go:embed scripts/chroot.sh
	chrootScript string
	//go:embed scripts/shape.sh
	shapeScript string
	//go:embed scripts/trim.sh
	trimScript string
)

// stepOf matches mmdebstrap's own words for what it begins.
var stepOf = regexp.MustCompile(`^(running|downloading|extracting|installing|cleaning) `)

// build is one build, export or import.
type build struct {
	*Builder
	doing     string
	recipe    Recipe
	container string
	dir, root string
	began     time.Time
	mu        sync.Mutex // of estimated and step: a tool's two outputs tell of them
	estimated time.Duration
	step      string
	over      func() // called when the step is; nil before the first
	made      bool   // dir: it is ours, whatever is in it
}

func (b *Builder) newBuild(r Recipe, container, dir string) *build {
	return &build{
		Builder: b, doing: "building", recipe: r, container: container,
		dir: dir, root: filepath.Join(dir, "rootfs"),
		began: time.Now(), estimated: b.estimate(r.Name),
	}
}

// build makes the base. Nothing of it is there before; the caller removes
// what a failure leaves.
func (w *build) build(ctx context.Context) error {
	w.began = time.Now() // the wait for another build is no part of this one
	// As liblxc does it: programs of the base with the set-uid bit are no
	// business of the host's users.
	if err := os.Mkdir(w.dir, 0o770); err != nil {
		return err
	}
	w.made = true
	m := w.mark()
	if err := writeMark(w.dir, m); err != nil {
		return err
	}
	defer w.end()
	config, err := w.makeRoot(ctx)
	if err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	if err := w.give(ctx); err != nil {
		return err
	}
	w.begin("write it to disk")
	if err := syncAll(w.root); err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(w.dir, "config"), []byte(config), 0o640); err != nil {
		return err
	}
	m.Took, m.Complete = time.Since(w.began), true
	return writeMark(w.dir, m)
}

func (w *build) mark() mark {
	return mark{Recipe: w.recipe, Hash: w.recipe.hash(), Container: w.container, Begun: w.began}
}

// undo removes what a failed build left.
func (w *build) undo(ctx context.Context) error {
	if !w.made || !onDisk(w.dir) {
		return nil
	}
	// lxc-create removes the folder when its template fails, and may have
	// been killed over it after it removed the mark.
	if err := writeMark(w.dir, w.mark()); err != nil {
		return err
	}
	return w.remove(ctx, w.dir)
}

// makeRoot makes the root, with packages, and gives the configuration that
// the container is to have.
func (w *build) makeRoot(ctx context.Context) (config string, err error) {
	if w.recipe.Distribution != "" {
		return w.distribution(ctx)
	}
	return w.template(ctx)
}

// settle makes the base of the root: what clones need, and what the recipe
// says beside packages.
func (w *build) settle(ctx context.Context) error {
	w.begin("shape")
	if err := w.chroot(ctx, shapeScript); err != nil {
		return fmt.Errorf("shape the root for clones: %w", err)
	}
	for i, line := range w.recipe.Run {
		w.begin(fmt.Sprintf("run %d of %d: %s", i+1, len(w.recipe.Run), printable(line)))
		if err := w.chroot(ctx, line); err != nil {
			return fmt.Errorf("run %q: %w", line, err)
		}
	}
	w.begin("trim")
	if err := w.chroot(ctx, trimScript); err != nil {
		return fmt.Errorf("trim the root: %w", err)
	}
	return w.resolver()
}

// resolver replaces a copy of the host's resolv.conf that names a server at
// the host's own loopback address, which a clone cannot reach.
func (w *build) resolver() error {
	file := filepath.Join(w.root, "etc/resolv.conf")
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil || !onlyLoopback(string(text)) {
		return err
	}
	// The servers behind systemd-resolved, systemd-resolved.service(8).
	text, err = os.ReadFile("/run/systemd/resolve/resolv.conf")
	if err != nil || onlyLoopback(string(text)) {
		return os.Remove(file)
	}
	return renameio.WriteFile(file, text, 0o644)
}

// chroot runs a shell line inside the root.
func (w *build) chroot(ctx context.Context, line string) error {
	return run(ctx, w.line, "sh", "-c", chrootScript, "sh", w.root, line)
}

// end ends the step that was begun, if any.
func (w *build) end() {
	if w.over != nil {
		w.over()
		w.over = nil
	}
}

// begin begins a step.
func (w *build) begin(step string) {
	w.end()
	w.over = crash.Point("build " + step)
	w.mu.Lock()
	w.step = step
	w.mu.Unlock()
	w.report("")
}

// line takes a line that a tool printed.
func (w *build) line(text string) {
	if step, is := strings.CutPrefix(text, "I: "); is && stepOf.MatchString(step) && w.recipe.Distribution != "" {
		w.begin(strings.TrimRight(step, "."))
		return
	}
	w.report(text)
}

func (w *build) report(line string) {
	if w.Progress == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Progress(Progress{
		Doing: w.doing, Base: w.recipe.Name, Container: w.container, Step: w.step, Line: line,
		Elapsed: time.Since(w.began), Estimate: w.estimated,
	})
}

// syncAll writes the filesystem that holds dir to disk: a base that is
// complete is complete after a power cut, too.
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
