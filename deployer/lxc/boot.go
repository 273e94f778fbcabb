package lxc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// bootTime is how long a guest may take until its init can be asked, or until
// DHCP has given it an address.
const bootTime = 30 * time.Second

// Start boots an instance and gives its address.
func (e *Engine) Start(ctx context.Context, name string) (netip.Addr, error) {
	h, release, err := e.running(ctx, name)
	if errors.Is(err, deployer.ErrStopped) {
		h, release, err = e.boot(ctx, name, err)
	}
	if err != nil {
		return netip.Addr{}, err
	}
	defer release()
	return e.address(ctx, name, h)
}

// boot starts a container that does not run, as stopped says.
func (e *Engine) boot(ctx context.Context, name string, stopped error) (*handle, func(), error) {
	if _, err, _ := e.acts.Do("start "+name, func() (any, error) { return nil, e.bootOnce(ctx, name, stopped) }); err != nil {
		return nil, nil, err
	}
	return e.running(ctx, name)
}

// bootOnce starts it, where nobody else does. What was told of the end of its
// service is of the run before, if that starts with it.
func (e *Engine) bootOnce(ctx context.Context, name string, stopped error) error {
	if !e.disk.ours(name) || e.disk.half(name) {
		return fmt.Errorf("start %s: there is none, or half of one", name)
	}
	if errors.Is(stopped, errHangs) {
		if err := e.host.Stop(ctx, name, 0); err != nil {
			return err
		}
	}
	if err := e.prepareData(ctx, name); err != nil {
		return err
	}
	e.table.ignore(name, e.reportID(name))
	ready, err := e.bootNow(ctx, name)
	if err != nil || !ready {
		e.table.ignore(name, reportID{})
	}
	return err
}

// bootNow says whether the service starts with the boot.
func (e *Engine) bootNow(ctx context.Context, name string) (ready bool, err error) {
	init, err := e.host.Start(ctx, name)
	if err != nil {
		return false, err
	}
	_, release, err := e.open(name, init)
	if err != nil {
		return false, err
	}
	defer release()
	return inside(ctx, e, name, quick, func(r *guest.Root) (bool, error) { return r.Ready(), nil })
}

// address gives the address of a running instance, and waits for it where DHCP
// gives it.
func (e *Engine) address(ctx context.Context, name string, h *handle) (netip.Addr, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, bootTime, late("none has come", bootTime))
	defer cancel()
	for {
		if known, _ := h.address.Load().(netip.Addr); known.IsValid() {
			return known, nil
		}
		found, err := e.host.Addresses(ctx, name)
		if err != nil {
			return netip.Addr{}, err
		}
		if len(found) > 0 {
			h.address.Store(found[0])
			continue
		}
		if err := deployer.Pause(ctx, 100*time.Millisecond); err != nil {
			return netip.Addr{}, fmt.Errorf("wait for an address by DHCP: %w", err)
		}
	}
}

// Stop asks an instance to end, and kills it after the grace.
func (e *Engine) Stop(ctx context.Context, name string, grace time.Duration) error {
	if !e.disk.ours(name) {
		return nil
	}
	began := time.Now()
	if grace > 0 {
		e.askFirst(ctx, name, grace)
		grace = max(time.Millisecond, grace-time.Since(began))
	}
	if err := e.host.Stop(ctx, name, grace); err != nil {
		return err
	}
	e.table.set(name, nil)
	return nil
}

// askFirst ends the service where the guest's init would give it no time. What
// goes wrong there the kill makes good.
func (e *Engine) askFirst(ctx context.Context, name string, grace time.Duration) {
	h, release, err := e.running(ctx, name)
	if err != nil {
		return
	}
	defer release()
	if init, err := guest.DetectInit(h.root); err == nil && !init.Waits() {
		_, _ = e.host.run(ctx, grace, name, init.Stop())
	}
}
