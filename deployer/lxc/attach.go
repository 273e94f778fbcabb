//go:build cgo

package lxc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	lxc "github.com/lxc/go-lxc"
	"golang.org/x/sys/unix"
)

func run(r request) (answer, error) {
	a := answer{}
	err := withContainer(r.Path, r.Name, func(c *lxc.Container) error {
		// A file, because a pipe that nobody drains would block the command.
		fd, err := unix.MemfdCreate("output", 0)
		if err != nil {
			return err
		}
		output := os.NewFile(uintptr(fd), "output")
		defer output.Close()
		null, err := os.Open(os.DevNull)
		if err != nil {
			return err
		}
		defer null.Close()
		options := attachOptions(null, output)
		// A signalled command would look like one that went well, and a failed
		// attach has no error: a shell inside makes a status of both and says
		// that it was there.
		const sentinel = "\x00ended "
		script := `"$@"; printf '\0ended %d' $?`
		if status, err := c.RunCommandStatus(append([]string{"/bin/sh", "-c", script, "sh"}, r.Argv...), options); err != nil || status < 0 {
			return errors.Join(errors.New("attach"), err)
		}
		const most = 64 << 10
		text := make([]byte, most)
		size, err := output.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		n, err := output.ReadAt(text, max(0, size-most))
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		said, status, found := bytes.Cut(text[:n], []byte(sentinel))
		if !found {
			return fmt.Errorf("the shell was killed: %s", said)
		}
		a.Output = said
		_, err = fmt.Sscanf(string(status), "%d", &a.Status)
		return err
	})
	return a, err
}

func attachOptions(in, out *os.File) lxc.AttachOptions {
	options := lxc.DefaultAttachOptions
	options.ClearEnv = true
	options.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "container=lxc"}
	options.StdinFd, options.StdoutFd, options.StderrFd = in.Fd(), out.Fd(), out.Fd()
	return options
}

// kill has a shell inside kill: all but the first process and itself (kill(2)),
// so there must be no other around it, as there is in run. No "--" stands before
// the -1, since dash and busybox take it for the number of a process.
func kill(r request) error {
	return withContainer(r.Path, r.Name, func(c *lxc.Container) error {
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer null.Close()
		const done = 9 // nothing to kill is no error, and a failed attach has no status
		script := fmt.Sprintf("kill -KILL -1; exit %d", done)
		status, err := c.RunCommandStatus([]string{"/bin/sh", "-c", script}, attachOptions(null, null))
		if err != nil || status != done {
			return errors.Join(fmt.Errorf("attach: status %d", status), err)
		}
		return nil
	})
}
