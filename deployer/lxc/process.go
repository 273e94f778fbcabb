package lxc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// process is the init of a container, held by a descriptor: its ID may come to
// mean another process, and the descriptor does not (pidfd_open(2)).
type process struct {
	pid int
	fd  *os.File
	// ended is closed when the process has ended, or close was called.
	ended chan struct{}
}

// holdInit holds the init of a container. It fails where the process is none.
func holdInit(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true) // else no poller takes it
	}
	if err != nil {
		return nil, fmt.Errorf("hold process %d: %w", pid, err)
	}
	p := &process{pid: pid, fd: os.NewFile(uintptr(fd), "pidfd"), ended: make(chan struct{})}
	if err := p.isInit(); err != nil {
		return nil, errors.Join(err, p.fd.Close())
	}
	go p.watch()
	return p, nil
}

// isInit is nil while the process is the first one of a namespace of its own, as
// the init of a container is. What is read of it is true if it is alive after.
func (p *process) isInit() error {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "status"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if ids, found := strings.CutPrefix(line, "NSpid:"); found {
			inner := strings.Fields(ids)
			if len(inner) > 1 && inner[len(inner)-1] == "1" && p.alive() {
				return nil
			}
		}
	}
	return fmt.Errorf("process %d is not the init of a container", p.pid)
}

// watch ends with the process, or with close.
func (p *process) watch() {
	defer close(p.ended)
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(uintptr) bool { return !p.alive() }) // an error is close's
}

// alive says whether the process has not ended, and is held.
func (p *process) alive() bool {
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return false
	}
	ready := 0
	if err := raw.Control(func(fd uintptr) {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		ready, _ = unix.Poll(polled, 0) // what is interrupted has not ended
	}); err != nil {
		return false
	}
	return ready <= 0
}

// close lets go of the process, and waits for watch.
func (p *process) close() {
	_ = p.fd.Close() // a descriptor that holds no data
	<-p.ended
}
