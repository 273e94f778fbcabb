package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// Serve is what a relay's process does: it reads an order, says where it accepts
// connections, and returns when it has ended and passed on all that came. With ctx
// it ends at once.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("read what is to be held: %w", err)
	}
	r, err := open(o, usual)
	if err != nil {
		return json.NewEncoder(out).Encode(answer{Error: err.Error()})
	}
	if err := json.NewEncoder(out).Encode(r.status()); err != nil {
		return errors.Join(err, r.close())
	}
	r.serve(ctx)
	return nil
}

// relay is one that runs.
type relay struct {
	order
	bounds
	listener *net.TCPListener
	control  *net.UnixListener
	began    time.Time
	slots    chan struct{} // one for each connection that waits
	peeks    chan struct{} // one for each that is being refused

	// held is over when there is somewhere to go, or the limit is reached.
	held context.Context
	free context.CancelFunc
	end  func() // accepts nothing more after a while

	mu      sync.Mutex     // guards what follows
	to      netip.AddrPort // where connections go; invalid: nowhere yet
	counts  deployer.Held
	waiting struct { // connections that wait now
		n     int
		since time.Time // the first of them, or one before it
	}
}

// open begins to listen.
func open(o order, b bounds) (*relay, error) {
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.Listen, 0)))
	if err != nil {
		return nil, fmt.Errorf("accept connections to %s: %w", o.Service, err)
	}
	r := &relay{
		order: o, bounds: b, listener: listener, began: time.Now(),
		counts: deployer.Held{Address: listener.Addr().(*net.TCPAddr).AddrPort()},
		slots:  make(chan struct{}, b.connections), peeks: make(chan struct{}, b.connections),
	}
	_ = os.Remove(o.Socket) // of one that was killed; who lives has been asked to end
	r.control, err = net.ListenUnix("unix", &net.UnixAddr{Name: o.Socket, Net: "unix"})
	if err == nil {
		err = os.Chmod(o.Socket, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control the relay of %s: %w", o.Service, err), r.close())
	}
	r.held, r.free = context.WithDeadline(context.Background(), r.began.Add(o.Limit))
	r.end = sync.OnceFunc(func() {
		_ = r.control.Close() // the next one of the service may have the name at once
		time.AfterFunc(b.afterEnd, func() { _ = r.listener.Close() })
	})
	return r, nil
}

func (r *relay) close() error {
	err := r.listener.Close()
	if r.control != nil {
		err = errors.Join(err, r.control.Close())
	}
	return err
}

// serve accepts connections until it is ended, and returns when all have ended, or
// with ctx.
func (r *relay) serve(ctx context.Context) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		var all sync.WaitGroup
		all.Go(r.obey)
		r.accept(&all)
		all.Wait()
	}()
	forgotten := time.AfterFunc(r.Limit+r.forgotten, r.end)
	defer forgotten.Stop()
	defer r.free()
	select {
	case <-over:
	case <-ctx.Done():
		_ = r.close()
	}
}

// accept handles connections until nothing is accepted any more.
func (r *relay) accept(all *sync.WaitGroup) {
	for {
		c, err := r.listener.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // such as too many open files
			time.Sleep(10 * time.Millisecond)
		default:
			all.Go(func() { r.handle(c) })
		}
	}
}

// obey does what agents ask for.
func (r *relay) obey() {
	for {
		c, err := r.control.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		_ = c.SetDeadline(time.Now().Add(controlTime))
		var q request
		if err := json.NewDecoder(c).Decode(&q); err == nil {
			_ = json.NewEncoder(c).Encode(r.do(q)) // who asked may have gone
		}
		_ = c.Close()
	}
}

func (r *relay) do(q request) answer {
	switch q.Op {
	case opStatus:
	case opRelease:
		r.mu.Lock()
		r.to = q.To
		r.mu.Unlock()
		r.free()
	case opEnd:
		r.end()
	default:
		return answer{Error: fmt.Sprintf("%q is nothing that a relay does", q.Op)}
	}
	return r.status()
}

func (r *relay) status() answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.counts
	if r.waiting.n > 0 {
		h.Longest = max(h.Longest, time.Since(r.waiting.since))
	}
	return answer{PID: os.Getpid(), Held: h}
}

// target gives where connections go; invalid: nowhere.
func (r *relay) target() netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.to
}

// begins notes that a connection waits, and gives what is to be called when it does
// not any more.
func (r *relay) begins() (ends func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := time.Now()
	if r.waiting.n == 0 {
		r.waiting.since = began
	}
	r.waiting.n++
	r.counts.Connections++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waiting.n--
		r.counts.Longest = max(r.counts.Longest, time.Since(began))
	}
}

// refuses notes that a connection cannot wait any longer.
func (r *relay) refuses() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Refused++
}
