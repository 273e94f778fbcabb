// Package pty makes terminals for tests.
package pty

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Open gives both ends of a new terminal (pts(4)): what a program writes on the
// one is read from the screen. The screen is read without blocking a thread, so
// that it has deadlines and closing it ends a read. The caller closes both.
func Open() (screen, program *os.File, err error) {
	screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	number := 0
	raw, err := screen.SyscallConn()
	if err == nil {
		var asked error
		err = raw.Control(func(fd uintptr) {
			if asked = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); asked == nil {
				number, asked = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
			}
		})
		err = errors.Join(err, asked)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, screen.Close())
	}
	return screen, program, nil
}
