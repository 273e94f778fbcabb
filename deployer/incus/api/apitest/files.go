// Package apitest answers calls as Incus does, for tests that have no cluster.
package apitest

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/pkg/sftp"
)

// ServeFiles answers the call that opens the files of an instance: they are those below a
// folder.
func ServeFiles(w http.ResponseWriter, dir string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer root.Close()
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: sftp\r\nConnection: Upgrade\r\n\r\n"); err != nil {
		return // who asked is gone
	}
	f := files{root}
	_ = sftp.NewRequestServer(conn, sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f}).Serve() // until who asked is gone
}

// files answers what is asked for by SFTP.
type files struct{ root *os.Root }

// at is the name that the root knows.
func at(name string) string { return cmp.Or(strings.TrimPrefix(path.Clean(name), "/"), ".") }

func (f files) Fileread(r *sftp.Request) (io.ReaderAt, error) { return f.root.Open(at(r.Filepath)) }

func (f files) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	return f.root.OpenFile(at(r.Filepath), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
}

func (f files) Filecmd(r *sftp.Request) error {
	switch name := at(r.Filepath); r.Method {
	case "Setstat":
		return f.root.Chmod(name, r.Attributes().FileMode())
	case "PosixRename":
		return f.root.Rename(name, at(r.Target))
	case "Mkdir":
		return f.root.Mkdir(name, 0o755)
	case "Rmdir", "Remove":
		return f.root.Remove(name)
	case "Symlink":
		return f.root.Symlink(r.Filepath, at(r.Target))
	}
	return errors.ErrUnsupported
}

func (f files) PosixRename(r *sftp.Request) error { return f.Filecmd(r) }

func (f files) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	info, err := f.root.Lstat(at(r.Filepath))
	return list{info}, err
}

func (f files) Readlink(name string) (string, error) { return f.root.Readlink(at(name)) }

func (f files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method != "List" {
		info, err := f.root.Stat(at(r.Filepath))
		return list{info}, err
	}
	entries, err := fs.ReadDir(f.root.FS(), at(r.Filepath))
	var all list
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, info)
		}
	}
	return all, err
}

// list is a list of files.
type list []fs.FileInfo

// ListAt gives some of them.
func (l list) ListAt(to []fs.FileInfo, offset int64) (int, error) {
	n := copy(to, l[min(int(offset), len(l)):])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}
