package lxc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// Options are what an Engine works with.
type Options struct {
	// Path is lxc.path, the folder of the containers.
	Path string
	// Logs is the folder for what instances print: <Logs>/<service>/<number>/.
	Logs string
	// Backing is how clones are made: auto, overlay, btrfs, zfs or dir.
	Backing string
	// Bridge is what the network interfaces of instances are put on.
	Bridge string
	// Gateway is the bridge's own address, the default route of instances.
	Gateway netip.Addr
	// Nameserver is what instances with an address of their own ask for names;
	// the zero Addr leaves what their base says.
	Nameserver netip.Addr
	// DataCopyLimit is how many bytes of a service's data are copied where the disk
	// cannot share what is the same.
	DataCopyLimit int64
	// Child is the command that runs Serve, for instance
	// {"/proc/self/exe", "lxc-call"}.
	Child []string
}

// Engine is the containers of this host that carry a record of ours.
//
//	lxc.path/NAME/config        liblxc's
//	lxc.path/NAME/jarloop.json  the record: it is there before anything else
//	lxc.path/.jarloop-data/SERVICE/…  data of services, mounted into them
//	Logs/SERVICE/NUMBER/…       what it prints (package logs), mounted into it
//
// What it knows in memory are handles of running instances, to be quick; all else
// is on the disk, or asked of the kernel.
type Engine struct {
	Options
	host    *Host
	disk    disk
	table   table
	notices *notices
	// acts are starts and removals under way, each once for all who ask for it.
	acts singleflight.Group
	// productions counts those that were begun.
	productions atomic.Int64
}

var _ deployer.Engine = (*Engine)(nil)

// New gives the containers that the options speak of. The caller closes it when
// no call is under way.
func New(o Options) (*Engine, error) {
	if o.Path == "" || o.Logs == "" || len(o.Child) == 0 {
		return nil, errors.New("an engine needs lxc.path, a folder for logs and the command of a child")
	}
	return &Engine{
		Options: o,
		host:    &Host{Path: o.Path, Child: o.Child},
		disk:    disk{o.Path, o.Logs},
		table:   table{handles: map[string]*handle{}, ignored: map[string]reportID{}},
		notices: newNotices(lookSeldom),
	}, nil
}

// Close lets go of all instances, which run on.
func (e *Engine) Close() error {
	e.notices.close()
	for _, name := range e.table.names() {
		e.table.set(name, nil)
	}
	return nil
}

// errHangs says that an instance neither runs nor has stopped: whoever began to
// start it is gone.
var errHangs = fmt.Errorf("its start hangs: %w", deployer.ErrStopped)

// running gives the handle of an instance that runs, whoever has started it, and
// deployer.ErrStopped where none does.
func (e *Engine) running(ctx context.Context, name string) (h *handle, release func(), err error) {
	h, release = e.table.use(name)
	if h != nil && h.alive() {
		return h, release, nil
	}
	release()
	if !e.disk.ours(name) {
		return nil, nil, fmt.Errorf("there is no %s: %w", name, deployer.ErrStopped)
	}
	init, err := e.host.initOf(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if init < 0 {
		return nil, nil, fmt.Errorf("%s: %w", name, errHangs)
	}
	if init == 0 {
		return nil, nil, fmt.Errorf("%s: %w", name, deployer.ErrStopped)
	}
	return e.open(name, init)
}

// open makes the handle of an instance whose init is known.
func (e *Engine) open(name string, init int) (*handle, func(), error) {
	h, err := openHandle(init, staticAddress(e.disk.config(name)))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %w", name, deployer.ErrStopped, err)
	}
	e.table.set(name, h)
	h, release := e.table.use(name)
	if h == nil {
		return nil, nil, fmt.Errorf("%s: %w", name, deployer.ErrStopped) // it was stopped meanwhile
	}
	return h, release, nil
}

// inside calls do with the root of a running instance; see within.
func inside[T any](ctx context.Context, e *Engine, name string, most time.Duration, do func(*guest.Root) (T, error)) (T, error) {
	return within(ctx, e, name, most, func(h *handle) (T, error) { return do(h.root) })
}

// within calls do with the handle of a running instance, and leaves it behind where
// it does not end in time: a guest can serve a filesystem that never answers, or a
// process whose memory cannot be read (userfaultfd(2)).
func within[T any](ctx context.Context, e *Engine, name string, most time.Duration, do func(*handle) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, late("no answer from the guest", most))
	defer cancel()
	var none T
	h, release, err := e.running(ctx, name)
	if err != nil {
		return none, err
	}
	if err := context.Cause(ctx); err != nil {
		release()
		return none, err
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer release()
		value, err := do(h)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}
