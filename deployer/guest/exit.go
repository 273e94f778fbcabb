package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// Exit is how a service's process ended, in the words of systemd
// (systemd.exec(5), $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS), whatever
// the init. "-" stands for what is not known.
type Exit struct {
	Result string // "success", "exit-code", "signal", "core-dump", "oom-kill", "timeout", …
	Code   string // "exited", "killed" or "dumped"
	Status string // the exit status, or the signal without "SIG"
}

// KilledReport is the report of a service that was killed together with what
// would have reported it.
const KilledReport = "signal killed KILL\n"

// ErrReport says that there is a report of how the service ended that cannot be
// understood.
var ErrReport = errors.New("not \"result code status\"")

var exitLine = regexp.MustCompile(`^([a-z-]{1,32}) (exited|killed|dumped|-) ([0-9]{1,3}|[A-Z0-9+-]{1,16})$`)

// ParseExit reads the line that the unit leaves in exitFile. It was written
// inside the container: what does not have the shape is an error.
func ParseExit(line string) (Exit, error) {
	m := exitLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
	if m == nil {
		return Exit{}, fmt.Errorf("read how the service ended: %q: %w", shorten(line), ErrReport)
	}
	return Exit{m[1], m[2], m[3]}, nil
}

// ExitReport is the host's path of the unit's report of how the service ended. It
// comes by a rename.
func ExitReport(reports string) string { return filepath.Join(reports, exitName) }

// ReadExit reads how the service ended from the host's reports folder, which
// the container can write to: no link is followed, and nothing but a regular
// file is read. fs.ErrNotExist says that it has not ended, ErrIrregular and
// ErrReport that it has; any other error, as of a lack of descriptors, says
// nothing of it.
func ReadExit(reports string) (Exit, error) {
	line, err := ReadReport(reports)
	if err != nil {
		return Exit{}, err
	}
	return ParseExit(line)
}

// ReadReport is ReadExit for who hands on the line, to be read by ParseExit.
func ReadReport(reports string) (string, error) {
	line, err := readReport(ExitReport(reports))
	if err != nil {
		return "", fmt.Errorf("read how the service ended: %w", err)
	}
	return string(line), nil
}

func readReport(name string) ([]byte, error) {
	// What it is is seen before it is opened, since a device can act on that.
	fd, err := unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	handle := os.NewFile(uintptr(fd), name)
	defer handle.Close()
	if err := regular(handle); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := pathrs.Reopen(handle, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 128))
}

// OutOfMemory says whether the kernel has killed it for want of memory.
func (e Exit) OutOfMemory() bool { return e.Result == "oom-kill" }

// String says it to a person, as the end of a sentence about the service:
// "exited with status 1", "killed by SIGKILL: out of memory".
func (e Exit) String() string {
	how := "ended"
	switch e.Code {
	case "exited":
		how = "exited with status " + e.Status
		switch {
		case e.Status == "126":
			how += ": its command cannot be run"
		case e.Status == "127":
			how += ": its command was not found"
		case e.Status == "203" && e.Result == "exit-code": // systemd.exec(5), EXIT_EXEC
			how += ": the unit cannot be run"
		}
	case "killed":
		how = "killed by SIG" + e.Status
	case "dumped":
		how = "killed by SIG" + e.Status + ", with a core dump"
	}
	switch e.Result {
	case "success", "exit-code", "signal", "core-dump", "-":
		return how
	case "oom-kill":
		return how + ": out of memory"
	case "timeout":
		return how + ": it did not stop in time"
	}
	return how + ": " + strings.ReplaceAll(e.Result, "-", " ")
}

func shorten(s string) string { return s[:min(len(s), 80)] }
