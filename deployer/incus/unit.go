package incus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// launchTime is how long a launch may take in all: an instance that is being halted
// has its services' time to end, and then boots.
const launchTime = 90 * time.Second

// Launch lets the service run, and boots its instance where that has ended.
func (e *Engine) Launch(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, launchTime, late("not launched", launchTime))
	defer cancel()
	for {
		_, err := e.call(ctx, name, inside.Request{Call: inside.CallLaunch}, strings.NewReader(""))
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errNone):
		case errors.Is(err, deployer.ErrStopped):
			if _, err = e.Start(ctx, name); err == nil {
				continue
			}
		case errors.Is(err, errCut): // the guest halts, or somebody has killed all there
			if err = deployer.Pause(ctx, 50*time.Millisecond); err == nil {
				continue
			}
		}
		return fmt.Errorf("launch the service of %s: %w", name, err)
	}
}

// Quit ends the service, all of it, and not its instance.
func (e *Engine) Quit(ctx context.Context, name string, grace time.Duration) error {
	ctx, cancel := e.on(ctx, name)
	defer cancel()
	i, _, err := e.find(ctx, name)
	if errors.Is(err, errNone) || err == nil && half(i) {
		return nil
	}
	if err == nil && i.Running() {
		_, err = e.within(ctx, name, grace+quick, inside.Request{Call: inside.CallQuit, Grace: grace})
	}
	if err == nil && !i.Running() || errors.Is(err, deployer.ErrStopped) {
		err = e.closeGate(ctx, i.Name)
	}
	if err != nil {
		return fmt.Errorf("end the service of %s: %w", name, err)
	}
	return nil
}

// closeGate has the unit of a stopped instance wait at its gate, which it makes itself.
func (e *Engine) closeGate(ctx context.Context, full string) error {
	files, err := e.Client.Files(ctx, full)
	if err == nil {
		err = files.Remove(guest.ReadyFile)
		files.Close()
	}
	if api.IsNotFound(err) { // it went meanwhile
		return nil
	}
	return err
}

// Check says how the service of an instance has ended.
func (e *Engine) Check(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), quick)
	defer cancel()
	if exit := e.exit(ctx, name); exit != nil {
		return exit
	}
	return nil
}

// exit is nil where the service has not ended, and where that cannot be asked.
func (e *Engine) exit(ctx context.Context, name string) *deployer.ExitError {
	looking, cancel := context.WithTimeout(ctx, quick/2) // a member that is away may keep its own waiting
	defer cancel()
	looking, end := e.on(looking, name)
	defer end()
	i, _, err := e.find(looking, name)
	if errors.Is(err, errNone) {
		return &deployer.ExitError{How: "ended with its container", Stopped: true, Gone: true}
	}
	if err != nil {
		return e.away(ctx, name).exit()
	}
	if i.Running() {
		a, err := e.call(ctx, name, inside.Request{Call: inside.CallStatus}, strings.NewReader(""))
		if away, is := errors.AsType[*awayError](err); is {
			return away.exit()
		}
		if !errors.Is(err, deployer.ErrStopped) {
			return e.told(ctx, name, a.Exit)
		}
	}
	exit := e.told(ctx, name, e.stoppedReport(ctx, name))
	if exit == nil {
		exit = &deployer.ExitError{How: "ended with its container"}
	}
	exit.Stopped = true
	if _, _, err := e.find(ctx, name); errors.Is(err, errNone) {
		exit.Gone = true
	}
	return exit
}

// stoppedReport is what the unit of a stopped instance has reported.
func (e *Engine) stoppedReport(ctx context.Context, name string) *inside.Exit {
	files, err := e.Client.Files(ctx, e.full(name))
	if err != nil {
		return nil
	}
	defer files.Close()
	report := guest.ExitReport(guest.Reports)
	f, err := files.Look(report)
	if err != nil {
		return nil
	}
	if !f.Mode.IsRegular() {
		return &inside.Exit{Wrong: "its report is no regular file"}
	}
	line, err := files.Read(report, 128)
	if err != nil {
		return nil
	}
	return &inside.Exit{Line: string(line)}
}

// told is how a service has ended, by its unit's report; nil if there is none.
func (e *Engine) told(ctx context.Context, name string, x *inside.Exit) *deployer.ExitError {
	if x == nil {
		return nil
	}
	if x.Wrong != "" {
		return &deployer.ExitError{How: "ended, and " + x.Wrong}
	}
	exit, err := guest.ParseExit(x.Line)
	if err != nil {
		return &deployer.ExitError{How: "ended, and " + err.Error()}
	}
	if limit := e.overMemory(ctx, name); exit.OutOfMemory() && limit > 0 {
		return &deployer.ExitError{How: deployer.OverMemory(limit)}
	}
	status, err := strconv.Atoi(exit.Status)
	return &deployer.ExitError{How: exit.String(), Exited: exit.Code == "exited" && err == nil, Status: status}
}

// overMemory gives the limit of an instance that has one, 0 else: the kernel kills for
// want of the machine's memory too, but for that the guest's own count of kills is not
// what tells.
func (e *Engine) overMemory(ctx context.Context, name string) int64 {
	i, _, err := e.find(ctx, name)
	if err != nil {
		return 0
	}
	limit, _ := strconv.ParseInt(strings.TrimSuffix(i.Config[keyMemory], "B"), 10, 64) // 0, as if it had none
	return limit
}

// Wait waits for the end of the service or of its instance.
func (e *Engine) Wait(ctx context.Context, name string) error {
	for {
		if exit := e.exit(ctx, name); exit != nil {
			return exit
		}
		held := newOpen(ctx)
		_, err := e.call(ctx, name, inside.Request{Call: inside.CallWait}, held)
		held.close()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil { // the guest halts, or the cluster does not answer
			if err := deployer.Pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
	}
}
