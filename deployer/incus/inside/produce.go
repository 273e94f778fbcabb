package inside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// Produced is the file that a production has made, compressed.
const Produced = "/var/lib/jarloop/produced"

// produce runs a command that makes a file, until it ends or nobody waits any more.
func (s *server) produce(ctx context.Context) (a Answer, err error) {
	if len(s.Argv) == 0 {
		return a, errors.New("no command")
	}
	ctx, cancel := s.untilAsked(ctx)
	defer cancel()
	p := &parts{}
	defer s.tell(p)()
	// A command can hardly go around a limit for each file: what it makes is one.
	none := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(s.Most), Max: none.Max}); err != nil {
		return a, err
	}
	out := &last{}
	cmd := exec.CommandContext(ctx, s.Argv[0], s.Argv[1:]...) // #nosec G204 -- the engine's caller says what
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second // what it has started may keep its output open
	err = cmd.Run()
	// Nothing is to exchange what it has made, or to go on writing to it.
	_ = unix.Kill(-1, unix.SIGKILL)
	_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &none)
	if cmd.ProcessState == nil || ctx.Err() != nil {
		return a, errors.Join(err, ctx.Err())
	}
	a.Made = &Made{CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, is := cmd.ProcessState.SysUsage().(*syscall.Rusage); is {
		a.Made.Memory = usage.Maxrss << 10
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		a.Made.failed(cmd.ProcessState, out.text, s.Most)
		return a, nil
	}
	if a.Made.Bytes, err = compress(s.File); err != nil {
		a.Made.Wrong = fmt.Sprintf("%s: %s", s.File, err)
	}
	return a, nil
}

// failed says how a command has failed, with the end of what it has said. A shell gives
// the signal that its last command had as a status (sh(1)).
func (m *Made) failed(p *os.ProcessState, said []byte, most int64) {
	lines := strings.FieldsFunc(string(said), func(r rune) bool { return r == '\n' })
	m.Wrong = fmt.Sprintf("the command: %s: %s", p, strings.Join(lines[max(0, len(lines)-3):], "; "))
	ended := func(signal syscall.Signal) bool {
		status, is := p.Sys().(syscall.WaitStatus)
		return is && (status.Signaled() && status.Signal() == signal || status.Exited() && status.ExitStatus() == 128+int(signal))
	}
	m.Killed = ended(unix.SIGKILL)
	if ended(unix.SIGXFSZ) {
		m.Wrong = fmt.Sprintf("it has written more than %d MiB", most>>20)
	}
}

// compress makes the file Produced of a regular one, and says how long that is.
func compress(file string) (size int64, err error) {
	from, _, err := openRegular(file)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	if err := os.MkdirAll(filepath.Dir(Produced), 0o755); err != nil { // #nosec G301 -- as it is everywhere
		return 0, err
	}
	to, err := os.OpenFile(Produced, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	w, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1))
	if err == nil {
		size, err = io.Copy(w, from)
		err = errors.Join(err, w.Close())
	}
	return size, errors.Join(err, to.Close())
}
