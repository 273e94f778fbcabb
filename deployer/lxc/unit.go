package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// Install brings artefacts into a running instance, and names what runs them.
func (e *Engine) Install(ctx context.Context, name, source, target string, c deployer.Command) error {
	service, _, _ := parseName(name)
	command := guest.Unit{Service: service, Exec: c.Line, Dir: c.Dir, Env: c.Env}.Command()
	_, err := inside(ctx, e, name, copied, func(r *guest.Root) (bool, error) {
		if source != "" {
			if err := r.CopyTree(ctx, source, target); err != nil {
				return false, err
			}
		}
		return true, r.WriteFile(command.Name, command.Data, command.Mode)
	})
	return err
}

// launchTime is how long a launch may take in all: an instance that is being
// halted has its services' time to end, and then boots.
const launchTime = 90 * time.Second

// Launch lets the service run, and boots its instance where that has ended.
func (e *Engine) Launch(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, launchTime, late("not launched", launchTime))
	defer cancel()
	for {
		err := e.launch(ctx, name)
		if !errors.Is(err, deployer.ErrStopped) {
			return err
		}
		_, release, err := e.boot(ctx, name, err)
		if err != nil {
			return err
		}
		release()
	}
}

// launch is Launch in a running instance. While the service is being started
// again, the report of its last end does not count.
func (e *Engine) launch(ctx context.Context, name string) error {
	h, release, err := e.running(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	last := e.reportID(name)
	ended := last != reportID{} && e.table.counts(name, last)
	e.table.ignore(name, last)
	if err := e.pass(ctx, name, h, ended); err != nil {
		e.table.ignore(name, reportID{})
		return fmt.Errorf("launch the service of %s: %w", name, err)
	}
	return nil
}

// pass starts the unit where it has ended, and opens its gate.
func (e *Engine) pass(ctx context.Context, name string, h *handle, ended bool) error {
	init, err := inside(ctx, e, name, quick, func(r *guest.Root) (guest.Init, error) {
		init, err := guest.DetectInit(r)
		if err != nil {
			return "", err
		}
		// First, so that a unit that comes later passes by itself.
		return init, r.WriteFile(guest.ReadyFile, nil, 0o644)
	})
	if err != nil {
		return err
	}
	if ended {
		if err := e.startUnit(ctx, name, h, init); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, bootTime, late("the guest has not booted", bootTime))
	defer cancel()
	began, early := time.Now(), false
	for asked := began; ; early = true {
		_, err := inside(ctx, e, name, quick, func(r *guest.Root) (bool, error) { return true, r.OpenGate() })
		if !errors.Is(err, guest.ErrEarly) {
			if early {
				deployer.NoteBoot(ctx, time.Since(began))
			}
			return err
		}
		if err := e.await(ctx, h, time.Millisecond); err != nil {
			return err
		}
		// It may have been ended at its gate. Starting one that runs is no error,
		// and a guest that has not booted so far is asked again.
		if time.Since(asked) > time.Second {
			_, _ = e.host.Run(ctx, name, init.Start())
			asked = time.Now()
		}
	}
}

// startUnit asks the guest's init to start the unit, until it is there to be
// asked. One that halts refuses, until it has ended.
func (e *Engine) startUnit(ctx context.Context, name string, h *handle, init guest.Init) error {
	for {
		_, err := e.host.Run(ctx, name, init.Start())
		if err == nil {
			return nil
		}
		if late := e.await(ctx, h, 20*time.Millisecond); late != nil {
			return fmt.Errorf("%w: %w", late, err)
		}
	}
}

// await lets some time go by, and says if the instance has ended.
func (e *Engine) await(ctx context.Context, h *handle, d time.Duration) error {
	if err := deployer.Pause(ctx, d); err != nil {
		return err
	}
	if !h.alive() {
		return deployer.ErrStopped
	}
	return nil
}

// Quit ends the service, all of it, and not its instance.
func (e *Engine) Quit(ctx context.Context, name string, grace time.Duration) error {
	if !e.disk.ours(name) || e.disk.half(name) {
		return nil
	}
	h, release, err := e.running(ctx, name)
	if errors.Is(err, deployer.ErrStopped) {
		return e.writeStopped(ctx, name, guest.Closed())
	}
	if err != nil {
		return err
	}
	defer release()
	init, err := inside(ctx, e, name, quick, func(r *guest.Root) (guest.Init, error) {
		init, err := guest.DetectInit(r)
		if err != nil {
			return "", err
		}
		return init, r.WriteFiles(guest.Closed())
	})
	if err != nil {
		return fmt.Errorf("end the service of %s: %w", name, err)
	}
	if err := e.end(ctx, name, init, grace); err != nil && h.alive() {
		return fmt.Errorf("end the service of %s: %w", name, err)
	}
	return e.noteEnd(name)
}

// end asks all processes of the service, and kills what is left.
func (e *Engine) end(ctx context.Context, name string, init guest.Init, grace time.Duration) error {
	for asked := time.Now(); grace > time.Since(asked); {
		// Where it cannot be asked it is asked again: what is not asked is killed.
		if _, err := e.host.run(ctx, grace-time.Since(asked), name, init.Stop()); err == nil {
			return nil
		}
		if err := deployer.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	kill := init.Kill()
	if kill != nil {
		if _, err := e.host.Run(ctx, name, kill); err != nil {
			kill = nil
		}
	}
	if kill == nil {
		if err := e.host.Kill(ctx, name); err != nil {
			return err
		}
	}
	_, err := e.host.Run(ctx, name, init.Stop()) // nothing is to start it again
	return err
}

// noteEnd says of a service that has been ended that it has, where its unit could
// not: it was killed too, or had not begun.
func (e *Engine) noteEnd(name string) error {
	e.table.ignore(name, reportID{})
	reports := e.disk.kept(name).Reports()
	if _, err := guest.ReadExit(reports); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return renameio.WriteFile(guest.ExitReport(reports), []byte(guest.KilledReport), 0o644)
}
