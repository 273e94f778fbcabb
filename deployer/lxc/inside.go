package lxc

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

// Run runs a command inside. One without a deadline has the engine's.
func (e *Engine) Run(ctx context.Context, name string, argv []string) ([]byte, error) {
	if !e.disk.ours(name) {
		return nil, fmt.Errorf("run %q: there is no %s", argv, name)
	}
	most := quick
	if deadline, ok := ctx.Deadline(); ok {
		most = time.Until(deadline) + time.Second // that one's own cause is said
	}
	return e.host.run(ctx, most, name, argv)
}

// Dial connects to a port of an instance.
func (e *Engine) Dial(ctx context.Context, name string, port uint16) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	h, release, err := e.running(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("connect to port %d of %s: %w", port, name, err)
	}
	defer release()
	address, err := e.address(ctx, name, h)
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", netip.AddrPortFrom(address, port).String())
}

// ReadFile reads a regular file inside.
func (e *Engine) ReadFile(ctx context.Context, name, file string) ([]byte, error) {
	return inside(ctx, e, name, quick, func(r *guest.Root) ([]byte, error) { return r.ReadFile(file) })
}

// WriteFile replaces a file inside.
func (e *Engine) WriteFile(ctx context.Context, name, file string, data []byte, perm fs.FileMode) error {
	_, err := inside(ctx, e, name, quick, func(r *guest.Root) (bool, error) { return true, r.WriteFile(file, data, perm) })
	return err
}
