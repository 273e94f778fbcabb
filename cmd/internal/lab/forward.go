package lab

import (
	"context"
	"io"
	"net"
)

// Forward makes an address of the VM reachable from this machine, as the port of a
// virtual machine is forwarded to the laptop, and gives where. It ends with ctx. A
// browser had better not be inside: one that sees networks come and go, as the VM's
// do with each container, gives up what it is loading.
func (l *Lab) Forward(ctx context.Context, to string) (address string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go l.join(ctx, near, to)
		}
	}()
	return listener.Addr().String(), nil
}

// join passes on what comes from either side, until one ends.
func (l *Lab) join(ctx context.Context, near net.Conn, to string) {
	defer near.Close()
	far, err := l.vm.dial(ctx, "tcp4", to)
	if err != nil {
		return // as a port is closed behind which nobody listens
	}
	defer far.Close()
	defer context.AfterFunc(ctx, func() { near.Close(); far.Close() })()
	go func() {
		_, _ = io.Copy(far, near)
		far.Close()
	}()
	_, _ = io.Copy(near, far)
}
