package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"
)

// Files are those of an instance, also of one that is stopped, over one connection: the
// API has a call for each file, too, which takes as long as all of these together. They
// may be used by several goroutines. Of what is not there the error is fs.ErrNotExist.
type Files struct {
	client *sftp.Client
	moving *Progress
}

// Files opens those of an instance until ctx ends. The caller closes them, before the
// instance starts: that waits until they are closed.
func (c *Client) Files(ctx context.Context, name string) (f *Files, err error) {
	k := call{method: http.MethodGet, path: instancePath(name) + "/sftp", header: http.Header{"Upgrade": {"sftp"}, "Connection": {"Upgrade"}}}
	// What opens files of a stopped instance ends when nobody has asked for a while, also
	// in the face of who asks just then.
	for n := 1; ; n++ {
		f, err = c.files(ctx, k)
		e, answered := errors.AsType[*Error](err)
		if err == nil || answered && e.Status < http.StatusInternalServerError || n == tries || context.Cause(ctx) != nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the files of %s: %w", name, err)
	}
	return f, nil
}

func (c *Client) files(ctx context.Context, k call) (*Files, error) {
	moving := NewProgress(ctx, c.quick, fmt.Errorf("incus: %s: nothing has come for %s", k.path, c.quick))
	defer moving.Begin()()
	body, _, err := c.send(moving.ctx, k)
	if err != nil {
		moving.End()
		return nil, err
	}
	conn, is := body.(io.ReadWriteCloser)
	if !is {
		moving.End()
		body.Close()
		return nil, &Error{Call: "GET " + k.path, Text: "no connection for files"}
	}
	context.AfterFunc(moving.ctx, func() { _ = conn.Close() })
	client, err := sftp.NewClientPipe(progressing{conn, moving}, conn, sftp.UseConcurrentWrites(true))
	if err != nil {
		err = errors.Join(context.Cause(moving.ctx), err)
		moving.End()
		return nil, err
	}
	return &Files{client, moving}, nil
}

// Close ends the connection.
func (f *Files) Close() error {
	f.moving.End()
	_ = f.client.Close() // it is closed already
	return nil
}

// do does something for which nothing has to move for longer than is allowed.
func (f *Files) do(act func() error) error {
	defer f.moving.Begin()()
	err := act()
	if cause := context.Cause(f.moving.ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// File is what stands at a path of an instance.
type File struct {
	Mode     fs.FileMode // with its type
	UID, GID int         // as the guest has them
	Size     int64
	Time     time.Time // of its last change
}

// Bits are those of its mode as chmod(2) has them.
func (f File) Bits() int64 {
	bits := int64(f.Mode.Perm())
	for mode, bit := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if f.Mode&mode != 0 {
			bits |= bit
		}
	}
	return bits
}

func fileOf(info fs.FileInfo) File {
	f := File{Mode: info.Mode(), Size: info.Size(), Time: info.ModTime()}
	if st, is := info.Sys().(*sftp.FileStat); is {
		f.UID, f.GID = int(st.UID), int(st.GID)
	}
	return f
}

// Look says what stands at a path. A link is not followed.
func (f *Files) Look(file string) (found File, err error) {
	err = f.do(func() error {
		info, err := f.client.Lstat(file)
		if err == nil {
			found = fileOf(info)
		}
		return err
	})
	return found, err
}

// Link gives what a link says, whatever is there.
func (f *Files) Link(file string) (target string, err error) {
	err = f.do(func() error { target, err = f.client.ReadLink(file); return err })
	return target, err
}

// Folder gives the names in a folder, with what stands there.
func (f *Files) Folder(folder string) (all map[string]File, err error) {
	all = map[string]File{}
	err = f.do(func() error {
		found, err := f.client.ReadDir(folder)
		for _, info := range found {
			all[info.Name()] = fileOf(info)
		}
		return err
	})
	return all, err
}

// Open opens a file to be read from an offset on. The caller closes it.
func (f *Files) Open(file string, offset int64) (r io.ReadCloser, err error) {
	err = f.do(func() error {
		opened, err := f.client.Open(file)
		if err != nil {
			return err
		}
		r = &reader{f, opened}
		if offset > 0 {
			_, err = opened.Seek(offset, io.SeekStart)
		}
		return err
	})
	return r, err
}

// reader is a file that is read.
type reader struct {
	f    *Files
	file *sftp.File
}

func (r *reader) Read(p []byte) (n int, err error) {
	err = r.f.do(func() error { n, err = r.file.Read(p); return err })
	return n, err
}

func (r *reader) Close() error { return r.f.do(r.file.Close) }

// Read reads a file, and no more of it than that.
func (f *Files) Read(file string, most int64) ([]byte, error) {
	r, err := f.Open(file, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, most))
}

// Put makes a path a file of the guest's root, as one act, in the place of a file or link
// that stands there. Its folder has to be there.
func (f *Files) Put(file string, mode fs.FileMode, content io.Reader) error {
	return f.beside(file, func(next string) error {
		to, err := f.client.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
		if err != nil {
			return err
		}
		err = to.Chmod(mode.Perm())
		if err == nil {
			_, err = to.ReadFrom(content)
		}
		return errors.Join(err, to.Close())
	})
}

// PutLink makes a path a link to a target in the same way.
func (f *Files) PutLink(file, target string) error {
	return f.beside(file, func(next string) error { return f.client.Symlink(target, next) })
}

// beside has something made beside what it becomes.
func (f *Files) beside(file string, write func(next string) error) error {
	next := path.Join(path.Dir(file), ".jarloop-"+path.Base(file))
	err := f.do(func() error {
		err := write(next)
		if err == nil {
			err = f.client.PosixRename(next, file)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// MakeFolder makes a folder of the guest's root with those above it, where there is none.
func (f *Files) MakeFolder(folder string) error {
	return f.do(func() error { return f.makeFolder(path.Clean(folder)) })
}

func (f *Files) makeFolder(folder string) error {
	info, err := f.client.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) && folder != "/" {
		if err := f.makeFolder(path.Dir(folder)); err != nil {
			return err
		}
		if f.client.Mkdir(folder) == nil { // else somebody has made it just now, or its look says why not
			return f.client.Chmod(folder, 0o755)
		}
		info, err = f.client.Stat(folder)
	}
	if err == nil && !info.IsDir() {
		err = errors.New("it is no folder")
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", folder, err)
	}
	return nil
}

// Remove removes a file or a link. One that is not there is no error.
func (f *Files) Remove(file string) error {
	err := f.do(func() error { return f.client.Remove(file) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
