package incus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

const (
	// bootTime is how long a guest may take until it has an address, and hung how long
	// one that was found running may be without, until it is started anew: whoever began
	// to start it is gone.
	bootTime = time.Minute
	hung     = 15 * time.Second
)

// Start boots an instance and gives its address.
func (e *Engine) Start(ctx context.Context, name string) (netip.Addr, error) {
	ctx, cancel := e.on(ctx, name)
	defer cancel()
	address, err, _ := e.acts.Do("start "+name, func() (any, error) { return e.start(ctx, name) })
	if err != nil {
		return netip.Addr{}, fmt.Errorf("start %s: %w", name, err)
	}
	return address.(netip.Addr), nil
}

func (e *Engine) start(ctx context.Context, name string) (netip.Addr, error) {
	i, _, err := e.find(ctx, name)
	if err != nil {
		return netip.Addr{}, err
	}
	if half(i) {
		return netip.Addr{}, errors.New("it is half of one")
	}
	if i.Running() {
		address, err := e.address(ctx, i, hung)
		if err == nil || context.Cause(ctx) != nil {
			return address, err
		}
		if err := e.kill(ctx, name); err != nil {
			return netip.Addr{}, err
		}
	}
	if err := e.prepareData(ctx, name, i); err != nil {
		return netip.Addr{}, err
	}
	if err := e.forgetEnd(ctx, i); err != nil {
		return netip.Addr{}, err
	}
	if err := e.Client.SetState(ctx, i.Name, "start", false, 0); err != nil {
		return netip.Addr{}, err
	}
	return e.address(ctx, i, bootTime)
}

// forgetEnd removes what is told of the end of the service that starts with an instance:
// it is of the run before.
func (e *Engine) forgetEnd(ctx context.Context, i api.Instance) error {
	if !i.WasStarted() {
		return nil
	}
	files, err := e.Client.Files(ctx, i.Name)
	if err != nil {
		return err
	}
	defer files.Close()
	if _, err = files.Look(guest.ReadyFile); err == nil {
		err = files.Remove(guest.ExitReport(guest.Reports))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// address gives the address of a running instance, and waits until it has it.
func (e *Engine) address(ctx context.Context, i api.Instance, most time.Duration) (netip.Addr, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, late("none has come", most))
	defer cancel()
	for {
		state, err := e.Client.State(ctx, i.Name)
		if err != nil {
			return netip.Addr{}, err
		}
		for _, a := range state.Network["eth0"].Addresses {
			if own := i.Config[keyAddress]; a.Family == "inet" && a.Scope == "global" && (own == "" || own == a.Address) {
				return netip.ParseAddr(a.Address)
			}
		}
		if state.Status == "Stopped" {
			return netip.Addr{}, fmt.Errorf("%s: %w", i.Name, deployer.ErrStopped)
		}
		if err := deployer.Pause(ctx, 50*time.Millisecond); err != nil {
			return netip.Addr{}, fmt.Errorf("wait for the address of %s: %w", i.Name, err)
		}
	}
}

// Stop asks an instance to end, and kills it after the grace.
func (e *Engine) Stop(ctx context.Context, name string, grace time.Duration) error {
	if _, _, ok := parseName(name); !ok {
		return nil
	}
	defer crash.Point("incus stop")()
	ctx, cancel := e.on(ctx, name)
	defer cancel()
	if grace > 0 {
		if err := e.halt(ctx, name, grace); err == nil || context.Cause(ctx) != nil {
			return err
		}
	}
	if err := e.kill(ctx, name); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	return nil
}

// halt asks the guest to halt, and is nil once it has. Incus is asked too, since it
// alone knows when it has put away what has stopped; what it asks of the guest not every
// init understands.
func (e *Engine) halt(ctx context.Context, name string, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	_, _ = e.call(ctx, name, inside.Request{Call: inside.CallHalt, Grace: grace}, newOpen(ctx)) // what cannot be asked is killed
	if _, err := e.running(ctx, name); err == nil {
		_ = e.Client.SetState(ctx, e.full(name), "stop", false, grace) // it may have stopped meanwhile
	}
	for {
		ended, err := e.ended(ctx, name)
		if ended {
			return nil
		}
		if errors.Is(err, deployer.ErrAway) { // else it is asked again
			return err
		}
		if err := deployer.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// kill ends an instance of ours, if it runs or is being started.
func (e *Engine) kill(ctx context.Context, name string) error {
	for {
		ended, err := e.killOnce(ctx, name)
		if ended {
			return nil
		}
		if errors.Is(err, deployer.ErrAway) { // there is nobody to end it
			return err
		}
		// Somebody else may be at it.
		if cause := deployer.Pause(ctx, 100*time.Millisecond); cause != nil {
			if errors.Is(err, cause) {
				return err
			}
			return errors.Join(cause, err)
		}
	}
}

func (e *Engine) killOnce(ctx context.Context, name string) (ended bool, err error) {
	if ended, err = e.ended(ctx, name); ended || err != nil {
		return ended, err
	}
	i, err := e.running(ctx, name)
	if err == nil {
		err = e.Client.SetState(ctx, i.Name, "stop", true, 0)
	}
	return err == nil, err
}

// ended says whether an instance does not run, nor is Incus about to start it, or to put
// away what has stopped: then it says for a moment that it runs again.
func (e *Engine) ended(ctx context.Context, name string) (bool, error) {
	for range 2 {
		_, err := e.running(ctx, name)
		if errors.Is(err, errNone) {
			return true, nil
		}
		if !errors.Is(err, deployer.ErrStopped) {
			return false, err
		}
		busy, err := anew(ctx, e.members, func(ctx context.Context) (bool, error) { return e.Client.Busy(ctx, e.full(name)) })
		if err != nil || busy {
			return false, err
		}
	}
	return true, nil
}
