package watcher

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Mode says how changes are noticed.
type Mode string

// The modes. With Auto each service's folder gets what its file system needs,
// also when one is mounted later.
const (
	Auto    Mode = "auto"
	Inotify Mode = "inotify"
	Poll    Mode = "poll"
)

// blindTypes are file systems whose other side inotify cannot see ("network
// filesystems" in inotify(7), and every file system of a virtual machine's
// host), as named in /proc/self/mountinfo. FUSE types are matched by prefix.
var blindTypes = map[string]bool{
	"nfs": true, "nfs4": true,
	"cifs": true, "smb3": true, "smbfs": true, "smb2": true,
	"9p": true, "virtiofs": true, "fuse": true, "fuseblk": true,
	"vboxsf": true, "vmhgfs": true, "hgfs": true, "prl_fs": true,
	"afs": true, "ceph": true, "gfs2": true, "ocfs2": true, "lustre": true, "gpfs": true,
}

// blindMagics are the same by f_type of statfs(2), for where the type's name
// is not to be found (btrfs subvolumes, other mount namespaces).
var blindMagics = map[int64]string{
	0x6969:     "nfs", // vboxsf of old Guest Additions gives this, too
	0x517B:     "smb",
	0xFF534D42: "cifs",
	0xFE534D42: "smb2",
	0x01021997: "9p",
	0x65735546: "fuse", // virtiofs, too
	0x786f4256: "vboxsf",
	0xbacbacbc: "hgfs",
	0x5346414F: "afs",
	0x00c36400: "ceph",
	0x01161970: "gfs2",
	0x7461636f: "ocfs2",
}

// choose says what a file system needs, and why. Either argument may be
// unknown (empty, zero).
func choose(fstype string, magic int64) (Mode, string) {
	magic &= 0xffffffff // f_type is signed and 32 bits wide on some architectures
	name := fstype
	if name == "" {
		name = blindMagics[magic]
	}
	if name == "" {
		name = fmt.Sprintf("of type 0x%x", magic)
	}
	if blindTypes[fstype] || strings.HasPrefix(fstype, "fuse.") || blindMagics[magic] != "" {
		return Poll, name + ", whose other side inotify cannot see"
	}
	return Inotify, name + ", where inotify sees every write"
}

// mountType finds the type of the file system with this device in a mountinfo
// (proc(5): "36 35 98:0 /root /mount options [optional…] - type source …"),
// "" if it is not listed.
func mountType(mountinfo io.Reader, dev uint64) string {
	want := fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
	lines := bufio.NewScanner(mountinfo)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(before); !ok || len(fields) < 3 || fields[2] != want {
			continue
		}
		if fields := strings.Fields(after); len(fields) > 0 {
			return fields[0]
		}
	}
	return ""
}

// filesystem is what a folder is on.
type filesystem struct {
	dev    uint64
	magic  int64
	mode   Mode
	reason string
}

// filesystemOf looks at an open folder; known is what was there before, for
// the table of mounts is long and seldom changes.
func filesystemOf(fd int, known filesystem) (filesystem, error) {
	st, err := stat(fd, "", false)
	if err != nil {
		return filesystem{}, fmt.Errorf("stat: %w", err)
	}
	var sfs unix.Statfs_t
	if _, err := again(func() (int, error) { return 0, unix.Fstatfs(fd, &sfs) }); err != nil {
		return filesystem{}, fmt.Errorf("statfs: %w", err)
	}
	fs := filesystem{dev: st.dev, magic: int64(sfs.Type)}
	if fs.dev == known.dev && fs.magic == known.magic {
		return known, nil
	}
	var fstype string
	if f, err := os.Open("/proc/self/mountinfo"); err == nil {
		fstype = mountType(f, fs.dev)
		f.Close()
	}
	fs.mode, fs.reason = choose(fstype, fs.magic)
	return fs, nil
}

// ModeOf says what mode Auto makes of the file system that a folder is on, and
// why. It looks for at most two seconds, and gives Auto where it cannot tell.
func ModeOf(root string) (Mode, string) {
	type answer struct {
		fs  filesystem
		err error
	}
	answers := make(chan answer, 1) // so that a late answer ends its goroutine
	go func() {
		var a answer
		var fd int
		if fd, a.err = openPath(root); a.err == nil {
			a.fs, a.err = filesystemOf(fd, filesystem{})
			unix.Close(fd)
		}
		answers <- a
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return Auto, fmt.Sprintf("undecided until the share can be read: %v", a.err)
		}
		return a.fs.mode, root + " is " + a.fs.reason
	case <-time.After(2 * time.Second):
		return Auto, root + " does not answer"
	}
}
