package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

const (
	// reached is how long a member has to take a connection where there is another one, and
	// alone how long where there is none.
	reached = 3 * time.Second
	alone   = 20 * time.Second
	// deaf is how long it may be silent on one, while something was sent to it.
	deaf = 10 * time.Second
	// beside is after what time another one is asked beside those that have not answered.
	beside = 2 * time.Second
)

// addresses are those of the members: each of them answers for the whole cluster.
type addresses struct {
	file string // "" where the others' are not wanted
	now  atomic.Pointer[order]
}

// order is in which one they are asked. It is never changed, only replaced.
type order struct {
	all  []string // what answered last first
	left time.Time
}

// change replaces the order, unless nothing is to be changed.
func (a *addresses) change(next func(order) (o order, changed bool)) bool {
	for {
		now := a.now.Load()
		o, changed := next(*now)
		if !changed || a.now.CompareAndSwap(now, &o) {
			return changed
		}
	}
}

// newAddresses knows the one that is given, and those in the file that were there when the
// cluster was asked last.
func newAddresses(first, file string) *addresses {
	a := &addresses{file: file}
	a.now.Store(&order{all: []string{first}})
	if file != "" {
		text, _ := os.ReadFile(file) // none: it was never asked
		a.add(strings.Fields(string(text)))
	}
	return a
}

func (a *addresses) add(all []string) bool {
	return a.change(func(o order) (order, bool) {
		o.all = slices.Clone(o.all)
		before := len(o.all)
		for _, one := range all {
			if _, _, err := net.SplitHostPort(one); err == nil && !slices.Contains(o.all, one) {
				o.all = append(o.all, one)
			}
		}
		return o, len(o.all) > before
	})
}

// learn keeps where members answer, by URLs.
func (a *addresses) learn(members []string) {
	if a.file == "" {
		return
	}
	var found []string
	for _, m := range members {
		if u, err := url.Parse(m); err == nil && u.Scheme == "https" {
			found = append(found, u.Host)
		}
	}
	if a.add(found) {
		_ = renameio.WriteFile(a.file, []byte(strings.Join(found, "\n")+"\n"), 0o600) // the next agent asks again
	}
}

// dial connects to the member that answered last, and where it does not to the next one.
func (a *addresses) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var failed []error
	for _, address := range a.now.Load().all {
		conn, err := a.connect(ctx, network, address)
		if err == nil {
			a.prefer(address)
			return conn, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// connect connects to one member.
func (a *addresses) connect(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{
		Timeout:         alone,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: deaf / 2, Interval: deaf / 4, Count: 2},
		Control: func(_, _ string, c syscall.RawConn) error {
			var failed error
			err := c.Control(func(fd uintptr) {
				failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deaf/time.Millisecond))
			})
			return errors.Join(err, failed)
		},
	}
	if len(a.now.Load().all) > 1 {
		d.Timeout = reached
	}
	return d.DialContext(ctx, network, address)
}

// leave has the member asked last that was asked first, since it takes connections and gives
// no answer. Of many calls that have none only one does so.
func (a *addresses) leave() bool {
	return a.change(func(o order) (order, bool) {
		if len(o.all) < 2 || time.Since(o.left) < deaf {
			return o, false
		}
		return order{append(slices.Clone(o.all[1:]), o.all[0]), time.Now()}, true
	})
}

// prefer has the member asked first from now on; false: it is already.
func (a *addresses) prefer(address string) bool {
	return a.change(func(o order) (order, bool) {
		n := slices.Index(o.all, address)
		if n > 0 {
			o.all = slices.Concat([]string{address}, o.all[:n], o.all[n+1:])
		}
		return o, n > 0
	})
}

// doAny is do for a look that any member can answer. As long as none has, one after the other
// is asked beside those, time and again: when the member is lost that leads the cluster, who
// asks a moment later has an answer, and who has asked before waits on.
func (c *Client) doAny(ctx context.Context, k call) (answer, error) {
	if c.members == nil || len(c.members.now.Load().all) < 2 {
		a, _, err := c.do(ctx, k)
		return a, err
	}
	type said struct {
		at  string
		a   answer
		err error
	}
	all := c.members.now.Load().all
	ctx, cancel := context.WithTimeoutCause(ctx, k.most, unanswered{fmt.Errorf("incus: %s %s: no answer within %s", k.method, k.path, k.most)})
	defer cancel()
	ended := make(chan said)
	var failed []error
	for asked, asking := 0, 0; ; {
		at, k := all[asked%len(all)], k
		if asked > 0 {
			k.at = at
		}
		asked, asking = asked+1, asking+1
		go func() {
			a, _, err := c.once(ctx, k)
			select {
			case ended <- said{at, a, err}:
			case <-ctx.Done():
			}
		}()
		for next := time.After(beside); next != nil; {
			select {
			case s := <-ended:
				asking--
				if s.err == nil {
					if asking > 0 && c.members.prefer(s.at) {
						c.http.CloseIdleConnections() // which are with one that has not answered
					}
					return s.a, nil
				}
				failed = append(failed, s.err)
				if asked < len(all) {
					next = nil
				} else if asking == 0 {
					return answer{}, errors.Join(failed...)
				}
			case <-next:
				next = nil
			case <-ctx.Done():
				return answer{}, errors.Join(append(failed, context.Cause(ctx))...)
			}
		}
	}
}
