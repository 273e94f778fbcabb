package inside

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
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// parts are files that come, kept by their content until they are whole:
//
//	dir/<sha256>        a whole one
//	dir/<sha256>.part   the beginning of one, to which is added when it is sent again
//
// Two calls may write one of them at a time, when the connection of the first is lost and
// it does not know yet: both write the same at the same offsets.
type parts struct {
	dir    string
	moved  atomic.Int64 // how much has come
	remote atomic.Bool  // more is waited for
}

func (p *parts) whole(sum string) string { return filepath.Join(p.dir, sum) }

// check says whether what is to come has names that stay below its folder.
func check(all []Part) error {
	seen := map[string]bool{}
	for _, one := range all {
		sum, err := hex.DecodeString(one.SHA256)
		switch kind := one.Mode.Type(); {
		case !filepath.IsLocal(one.Name) || filepath.Clean(one.Name) != one.Name || seen[one.Name]:
			return fmt.Errorf("%q: %w", one.Name, fs.ErrInvalid)
		case kind == fs.ModeDir:
		case kind != 0 || err != nil || len(sum) != sha256.Size || one.Size < 0:
			return fmt.Errorf("%s: no regular file: %w", one.Name, fs.ErrInvalid)
		}
		seen[one.Name] = true
	}
	return nil
}

// lacks says which files are not there yet, and how far. One that stands in the folder at
// by its name is taken from there.
func (p *parts) lacks(ctx context.Context, all []Part, at string) (lacks []Lack, err error) {
	seen := map[string]bool{}
	lacks = []Lack{}
	for _, one := range all {
		if one.Mode.IsDir() || seen[one.SHA256] {
			continue
		}
		seen[one.SHA256] = true
		if _, err := os.Lstat(p.whole(one.SHA256)); err == nil {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if at != "" && p.copyOf(filepath.Join(at, one.Name), one) == nil {
			continue
		}
		lack := Lack{SHA256: one.SHA256}
		if info, err := os.Lstat(p.whole(one.SHA256) + ".part"); err == nil && info.Size() <= one.Size {
			lack.From = info.Size()
		}
		lacks = append(lacks, lack)
	}
	return lacks, nil
}

// copyOf takes a file that is there already, if it is the same.
func (p *parts) copyOf(file string, one Part) error {
	from, size, err := openRegular(file)
	if err != nil {
		return err
	}
	defer from.Close()
	if size != one.Size {
		return fs.ErrNotExist
	}
	next := p.whole(one.SHA256) + ".copy"
	to, err := os.OpenFile(next, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return p.finish(to, next, one.SHA256)
}

// openRegular opens a regular file to be read, and says how long it is. A link is not
// followed. The caller closes it.
func openRegular(name string) (f *os.File, size int64, err error) {
	f, err = os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// take adds what comes to the files that were lacked.
func (p *parts) take(ctx context.Context, all []Part, lacks []Lack, from io.Reader) error {
	if len(lacks) == 0 {
		return nil
	}
	sizes := map[string]int64{}
	for _, one := range all {
		sizes[one.SHA256] = one.Size
	}
	// A guest may have little memory.
	plain, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return err
	}
	defer plain.Close()
	for _, lack := range lacks {
		if err := p.takeOne(ctx, lack, sizes[lack.SHA256], plain); err != nil {
			return fmt.Errorf("what was sent has not come whole: %w", err)
		}
	}
	return nil
}

func (p *parts) takeOne(ctx context.Context, lack Lack, size int64, from io.Reader) error {
	name := p.whole(lack.SHA256) + ".part"
	to, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	at := io.NewOffsetWriter(to, lack.From)
	for left := size - lack.From; left > 0; {
		n, err := io.CopyN(at, from, min(left, 64<<10))
		p.moved.Add(n)
		if left -= n; err == nil {
			err = context.Cause(ctx)
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return p.finish(to, name, lack.SHA256)
}

// finish gives a file its name if it is what it is to be, and removes it else.
func (p *parts) finish(file *os.File, name, want string) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return errors.Join(fmt.Errorf("its SHA-256 is %s, not %s", got, want), os.Remove(name))
	}
	return os.Rename(name, p.whole(want))
}

// assemble makes a folder of the files that a tree is copied from. It is the caller's,
// also where it is not whole.
func (p *parts) assemble(all []Part) (dir string, err error) {
	if dir, err = os.MkdirTemp(p.dir, "tree-"); err != nil {
		return dir, err
	}
	placed := map[string]bool{}
	for _, one := range all {
		name := filepath.Join(dir, one.Name)
		if one.Mode.IsDir() {
			err = os.MkdirAll(name, 0o755) // #nosec G301 -- as it is everywhere
		} else {
			err = p.place(name, one, placed[one.SHA256])
			placed[one.SHA256] = true
		}
		if err != nil {
			return dir, err
		}
	}
	return dir, nil
}

// place puts a file where it is copied from. One that stands elsewhere already may have
// another mode there.
func (p *parts) place(name string, one Part, again bool) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { // #nosec G301 -- as above
		return err
	}
	if !again {
		return errors.Join(os.Link(p.whole(one.SHA256), name), os.Chmod(name, one.Mode.Perm()))
	}
	from, err := os.Open(p.whole(one.SHA256))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Chmod(one.Mode.Perm()), to.Close())
}

// sayEvery is how often it is said that something goes on.
const sayEvery = time.Second

// tell says now and then that something goes on, while it does, until stop is called.
func (s *server) tell(p *parts) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for last := int64(0); deployer.Pause(ctx, sayEvery) == nil; {
			if now := p.moved.Load(); now != last || !p.remote.Load() {
				last = now
				if s.answer(Answer{More: true}, nil) != nil {
					return // nobody reads it
				}
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
