package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
)

const (
	startTime   = 10 * time.Second // of a relay's process
	controlTime = 5 * time.Second  // of one request
)

// Options are what relays are made with.
type Options struct {
	// Folder is where the sockets are by which they are found.
	Folder string
	// Listen is an address of the machine to which connections can be led.
	Listen netip.Addr
	// Child is the command whose process is one.
	Child []string
}

// Relays are those of this machine, behind the door deployer.Holder.
type Relays struct{ Options }

var _ deployer.Holder = &Relays{}

// New gives the relays of this machine. It starts none.
func New(o Options) *Relays { return &Relays{o} }

const prefix, suffix = "relay-", ".sock"

func (r *Relays) socket(service string) string {
	return filepath.Join(r.Folder, prefix+service+suffix)
}

// Hold starts a relay. See deployer.Holder.
func (r *Relays) Hold(ctx context.Context, h deployer.Hold) (netip.AddrPort, error) {
	defer crash.Point("relay hold")()
	if err := r.End(ctx, h.Service); err != nil {
		return netip.AddrPort{}, err
	}
	text, err := json.Marshal(order{Hold: h, Socket: r.socket(h.Service), Listen: r.Listen})
	if err != nil {
		return netip.AddrPort{}, err
	}
	a, err := r.start(ctx, text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("hold connections to %s: %w", h.Service, err)
	}
	return a.Held.Address, nil
}

// start starts a process that lives on without this one.
func (r *Relays) start(ctx context.Context, order []byte) (a answer, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("no answer within %s", startTime))
	defer cancel()
	cmd := exec.Command(r.Child[0], r.Child[1:]...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no key that ends the agent is meant for it
	in, err := cmd.StdinPipe()
	if err != nil {
		return a, err
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		return a, err
	}
	defer out.Close()
	cmd.Stdout = theirs
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return a, err
	}
	go func() { _ = cmd.Wait() }() // so that none is left as a zombie
	_, err = in.Write(order)
	err = errors.Join(err, in.Close())
	stop := context.AfterFunc(ctx, func() { _ = out.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err == nil {
		err = json.NewDecoder(out).Decode(&a)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		err = errors.Join(context.Cause(ctx), err)
	}
	return a, err
}

// Release passes on what is held. See deployer.Holder.
func (r *Relays) Release(ctx context.Context, service string, to netip.AddrPort) (deployer.Held, error) {
	defer crash.Point("relay release")()
	a, err := r.ask(ctx, service, request{opRelease, to})
	return a.Held, err
}

// End ends a relay. See deployer.Holder.
func (r *Relays) End(ctx context.Context, service string) error {
	defer crash.Point("relay end")()
	_, err := r.ask(ctx, service, request{Op: opEnd})
	if isNone(err) {
		return os.RemoveAll(r.socket(service))
	}
	return err
}

// isNone says whether an error says that there is no relay: no socket, or nobody
// who listens there.
func isNone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// Holding gives the relays that accept connections. See deployer.Holder.
func (r *Relays) Holding(ctx context.Context) (map[string]deployer.Held, error) {
	sockets, err := filepath.Glob(filepath.Join(r.Folder, prefix+"*"+suffix))
	if err != nil {
		return nil, err
	}
	all := map[string]deployer.Held{}
	for _, path := range sockets {
		service := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), prefix), suffix)
		a, e := r.ask(ctx, service, request{Op: opStatus})
		if isNone(e) {
			continue // it was killed
		}
		if err = errors.Join(err, e); e == nil {
			all[service] = a.Held
		}
	}
	return all, err
}

// EndAll ends all relays: who waits is told.
func (r *Relays) EndAll(ctx context.Context) error {
	holding, err := r.Holding(ctx)
	for service := range holding {
		_, e := r.Release(ctx, service, netip.AddrPort{})
		err = errors.Join(err, e, r.End(ctx, service))
	}
	left, _ := filepath.Glob(filepath.Join(r.Folder, prefix+"*"+suffix)) // of those that were killed
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// ask asks a relay.
func (r *Relays) ask(ctx context.Context, service string, q request) (a answer, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s what is held of %s: %w", q.Op, service, err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, controlTime)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", r.socket(service))
	if err != nil {
		return a, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := json.NewEncoder(c).Encode(q); err != nil {
		return a, err
	}
	if err := json.NewDecoder(c).Decode(&a); err != nil {
		return a, errors.Join(context.Cause(ctx), err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}
