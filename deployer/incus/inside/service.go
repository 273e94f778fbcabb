package inside

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// bootTime is how long the guest may take until its init can be asked.
const bootTime = 30 * time.Second

// launch lets the service run, and starts it where it has ended. It is over when the
// report of the last end is gone: what comes then is of this run.
func (s *server) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootTime, fmt.Errorf("not within %s", bootTime))
	defer cancel()
	init, err := guest.DetectInit(s.root)
	if err != nil {
		return err
	}
	last := reportID()
	// First, so that a unit that comes later passes by itself.
	if err := s.locked(ctx, func() error { return s.root.WriteFile(guest.ReadyFile, nil, 0o644) }); err != nil {
		return err
	}
	if last != (report{}) {
		if err := start(ctx, init); err != nil {
			return err
		}
	}
	if err := s.pass(ctx, init); err != nil {
		return err
	}
	for last != (report{}) && reportID() == last {
		if err := deployer.Pause(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("the unit does not begin: %w", err)
		}
	}
	return nil
}

// pass opens the gate, once the unit waits there.
func (s *server) pass(ctx context.Context, init guest.Init) error {
	for asked := time.Now(); ; {
		err := s.root.OpenGate()
		if !errors.Is(err, guest.ErrEarly) {
			return err
		}
		if err := deployer.Pause(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("the guest has not booted: %w", err)
		}
		// It may have been ended at its gate, and to start one that runs is no error.
		if time.Since(asked) > time.Second {
			_ = run(ctx, init.Start())
			asked = time.Now()
		}
	}
}

// start asks the init to start the unit, until it is there to be asked.
func start(ctx context.Context, init guest.Init) error {
	for {
		err := run(ctx, init.Start())
		if err == nil {
			return nil
		}
		if late := deployer.Pause(ctx, 20*time.Millisecond); late != nil {
			return errors.Join(late, err)
		}
	}
}

func run(ctx context.Context, argv []string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) // #nosec G204 -- they are package guest's
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%q: %w: %.200s", argv, err, out)
	}
	return nil
}

// command runs a command, and gives the last of what it printed and its exit status.
// It ends with this process.
func (s *server) command(ctx context.Context) (a Answer, err error) {
	runtime.LockOSThread() // whose end would be taken for the process's (prctl(2))
	defer runtime.UnlockOSThread()
	if len(s.Argv) == 0 {
		return a, errors.New("no command")
	}
	out := &last{}
	cmd := exec.CommandContext(ctx, s.Argv[0], s.Argv[1:]...) // #nosec G204 -- the engine's caller says what
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	cmd.WaitDelay = time.Second // what it has started may keep its output open
	err = cmd.Run()
	a.Data = out.text
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case ended && exit.Exited():
		a.Status = exit.ExitCode()
	case ended:
		return a, fmt.Errorf("%w: %s", exit, bytes.TrimSpace(out.text))
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return a, err
	}
	return a, nil
}

// last is the last of what was written to it.
type last struct{ text []byte }

const lastSize = 64 << 10

func (l *last) Write(p []byte) (int, error) {
	l.text = append(l.text, p...)
	if over := len(l.text) - lastSize; over > 0 {
		l.text = append(l.text[:0], l.text[over:]...)
	}
	return len(p), nil
}

// report tells one report from another.
type report struct {
	inode      uint64
	ctim, mtim int64
}

// reportID is the zero one where there is none.
func reportID() report {
	var st unix.Stat_t
	if unix.Lstat(guest.ExitReport(guest.Reports), &st) != nil {
		return report{}
	}
	return report{st.Ino, st.Ctim.Nano(), st.Mtim.Nano()}
}

// quit ends the service, all of it, and not the guest.
func (s *server) quit(ctx context.Context) error {
	init, err := guest.DetectInit(s.root)
	if err != nil {
		return err
	}
	if err := s.locked(ctx, func() error { return s.root.WriteFiles(guest.Closed()) }); err != nil {
		return err
	}
	if err := end(ctx, init, s.Grace); err != nil {
		return err
	}
	// Its unit could not say that it has ended, if it was killed too or had not begun.
	if reportID() != (report{}) {
		return nil
	}
	return renameio.WriteFile(guest.ExitReport(guest.Reports), []byte(guest.KilledReport), 0o644)
}

// end asks all processes of the service, and kills what is left.
func end(ctx context.Context, init guest.Init, grace time.Duration) error {
	for asked := time.Now(); grace > time.Since(asked); {
		short, cancel := context.WithTimeout(ctx, grace-time.Since(asked))
		err := run(short, init.Stop())
		cancel()
		if err == nil {
			return nil
		}
		if err := deployer.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	if kill := init.Kill(); kill == nil || run(ctx, kill) != nil {
		if err := unix.Kill(-1, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) { // all but the init and this one
			return err
		}
	}
	return run(ctx, init.Stop()) // nothing is to start it again
}

// halt asks the guest to halt, its service first where the init gives it no time.
func (s *server) halt(ctx context.Context) error {
	init, err := guest.DetectInit(s.root)
	if err != nil {
		return err
	}
	if !init.Waits() {
		short, cancel := context.WithTimeout(ctx, s.Grace)
		_ = run(short, init.Stop()) // what goes wrong there the kill makes good
		cancel()
	}
	signal := map[string]unix.Signal{"SIGRTMIN+3": 37, "SIGUSR1": unix.SIGUSR1, "SIGPWR": unix.SIGPWR}[init.HaltSignal()]
	process, err := os.FindProcess(1)
	if err != nil {
		return err
	}
	return process.Signal(signal)
}
