package lxc

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// Check says how the service of an instance has ended.
func (e *Engine) Check(name string) error {
	if exit := e.exit(name); exit != nil {
		return exit
	}
	return nil
}

func (e *Engine) exit(name string) *deployer.ExitError {
	stopped := !e.isRunning(name) // first: an instance may end after its service's report
	exit := e.report(name)
	if exit == nil && !stopped {
		return nil
	}
	if exit == nil {
		exit = &deployer.ExitError{How: "ended with its container"}
	}
	_, err := os.Lstat(e.disk.record(name))
	exit.Stopped, exit.Gone = stopped, errors.Is(err, fs.ErrNotExist)
	return exit
}

// isRunning says whether the instance runs that there is a handle of. Only of one
// that has none liblxc is asked.
func (e *Engine) isRunning(name string) bool {
	h, release := e.table.use(name)
	defer release()
	if h != nil {
		return h.alive()
	}
	ctx, cancel := context.WithTimeout(context.Background(), quick)
	defer cancel()
	h, found, err := e.running(ctx, name)
	if err != nil {
		return !errors.Is(err, deployer.ErrStopped) // what cannot be asked has not ended
	}
	defer found()
	return h.alive()
}

// report gives how the service has ended, as its unit has reported; nil is that it
// has not, or that nothing can be said.
func (e *Engine) report(name string) *deployer.ExitError {
	id := e.reportID(name)
	if id == (reportID{}) || !e.table.counts(name, id) {
		return nil
	}
	exit, err := guest.ReadExit(e.disk.kept(name).Reports())
	switch {
	case err == nil && exit.OutOfMemory() && e.overMemory(name):
		return &deployer.ExitError{How: deployer.OverMemory(memoryLimit(e.disk.config(name)))}
	case err == nil:
		status, err := strconv.Atoi(exit.Status)
		return &deployer.ExitError{How: exit.String(), Exited: exit.Code == "exited" && err == nil, Status: status}
	case errors.Is(err, guest.ErrReport), errors.Is(err, guest.ErrIrregular):
		return &deployer.ExitError{How: "ended, and " + err.Error()}
	}
	return nil // there is no report any more, or none could be looked for
}

// overMemory says whether an instance that runs has a limit of its own, and has met it.
func (e *Engine) overMemory(name string) bool {
	h, release := e.table.use(name)
	defer release()
	return h != nil && memoryLimit(e.disk.config(name)) > 0 && overMemory("/", h.init.pid)
}

// reportID tells the report that there is from any other; the zero value is that
// there is none. An earlier version, killed while it started a service again, has
// left it by another name.
func (e *Engine) reportID(name string) reportID {
	report := guest.ExitReport(e.disk.kept(name).Reports())
	info, err := os.Lstat(report)
	if errors.Is(err, fs.ErrNotExist) {
		if unix.Renameat2(unix.AT_FDCWD, report+".before", unix.AT_FDCWD, report, unix.RENAME_NOREPLACE) == nil {
			info, err = os.Lstat(report)
		}
	}
	if err != nil {
		return reportID{}
	}
	st := info.Sys().(*syscall.Stat_t)
	return reportID{st.Ino, st.Ctim.Nano(), st.Mtim.Nano()}
}

// Wait waits for the end of the service or of its instance.
func (e *Engine) Wait(ctx context.Context, name string) error {
	look, end := e.notices.of(guest.ExitReport(e.disk.kept(name).Reports()))
	defer end()
	for {
		if exit := e.exit(name); exit != nil {
			return exit
		}
		h, release := e.table.use(name)
		var ended <-chan struct{} // of a new handle the next notice tells
		if h != nil {
			ended = h.init.ended
		}
		select {
		case <-look:
		case <-ended:
		case <-ctx.Done():
			release()
			return context.Cause(ctx)
		}
		release()
	}
}
