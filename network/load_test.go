package network

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"github.com/jarloop/jarloop/deployer"
)

// TestConnectionsThroughAServiceAddress opens and closes as many connections as
// JARLOOP_CONNECTIONS says, as fast as they go, from one container and from
// three at once. Each leaves a source port of the VM and an entry of conntrack
// in TIME_WAIT, for two minutes, so 60000 show whether those run out.
func TestConnectionsThroughAServiceAddress(t *testing.T) {
	total, err := strconv.Atoi(os.Getenv("JARLOOP_CONNECTIONS"))
	if err != nil {
		t.Skip("takes half a minute; JARLOOP_CONNECTIONS=60000 runs it")
	}
	inLab(t, func(t *testing.T, l *lab) {
		if setting := sysctlFile("bridge/bridge-nf-call-iptables"); fileExists(setting) {
			l.check(os.WriteFile(setting, []byte("0"), 0))
		}
		w := deployer.Routes{
			Targets: map[string]netip.AddrPort{"frontend": l.guest("10.0.3.131")},
			VIPs:    addresses("frontend", "10.0.3.100", "a", "10.0.3.101", "b", "10.0.3.102", "c", "10.0.3.103"),
		}
		var clients []netns.NsHandle
		for i, service := range []string{"a", "b", "c"} {
			addr := fmt.Sprintf("10.0.3.%d", 140+i)
			w.Targets[service] = l.guest(addr)
			clients = append(clients, l.guests[addr])
		}
		l.closer(w.Targets["frontend"].Addr())
		next := l.guest("10.0.3.143")
		p := l.ports()
		setAll(t, p, w, true)
		for _, c := range []struct {
			name    string
			clients []netns.NsHandle
			to      string
		}{
			{"one container, straight to the live generation", clients[:1], "10.0.3.131:9000"},
			{"one container", clients[:1], "10.0.3.100:9000"},
			{"three containers", clients, "10.0.3.100:9000"},
		} {
			l.measure(c.name, c.clients, c.to, total)
		}
		w.Targets["a"] = next
		setAll(t, p, w, true)
		l.measure("the next generation of one that has asked", []netns.NsHandle{l.guests["10.0.3.143"]}, "10.0.3.100:9000", total)
	})
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// closer has the container accept connections on port 9000, send a byte and
// close them: the side that closes first is the one that keeps TIME_WAIT, and
// as it is not the client, that one uses its ports again soon.
func (l *lab) closer(addr netip.Addr) {
	l.t.Helper()
	var listener net.Listener
	l.within(l.guests[addr.String()], func() (err error) {
		listener, err = net.Listen("tcp4", netip.AddrPortFrom(addr, 9000).String())
		return err
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte{1})
			conn.Close()
		}
	}()
	l.t.Cleanup(func() { listener.Close(); <-done })
}

// measure makes connections for 20 seconds at most, and wants none to fail or
// to take as long as a lost packet costs (a SYN is sent again after a second).
func (l *lab) measure(name string, clients []netns.NsHandle, to string, total int) {
	l.t.Helper()
	const workers = 6
	var left, failed atomic.Int64
	left.Store(int64(total))
	until, start := time.Now().Add(20*time.Second), time.Now()
	times := make([][]time.Duration, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			err := inside(clients[w%len(clients)], func() error {
				var errs []error
				for left.Add(-1) >= 0 && time.Now().Before(until) {
					began := time.Now()
					if err := connect(to); err != nil {
						failed.Add(1)
						errs = append(errs[:min(len(errs), 2)], err)
					}
					times[w] = append(times[w], time.Since(began))
				}
				return errors.Join(errs...)
			})
			if err != nil {
				l.t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	sorted := slices.Sorted(slices.Values(slices.Concat(times...)))
	slow, _ := slices.BinarySearch(sorted, 900*time.Millisecond)
	entries, _ := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	l.t.Logf("%s: %d connections in %s (%.0f/s), median %s, longest %s, %d failed, %d took over 0.9 s; conntrack has %s entries",
		name, len(sorted), took.Round(time.Millisecond), float64(len(sorted))/took.Seconds(), sorted[len(sorted)/2],
		sorted[len(sorted)-1].Round(time.Microsecond), failed.Load(), len(sorted)-slow, strings.TrimSpace(string(entries)))
	if failed.Load() > 0 || slow < len(sorted) {
		l.t.Errorf("%s: connections were lost", name)
	}
}

func connect(to string) error {
	conn, err := net.DialTimeout("tcp4", to, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	got, err := io.ReadAll(conn)
	if err == nil && len(got) != 1 {
		err = fmt.Errorf("got %d bytes", len(got))
	}
	return err
}
