package network

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-iptables/iptables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestTheLockOfIPTablesIsWaitedFor(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		if l.iptables == "iptables-nft" {
			t.Skip("this variant has no lock")
		}
		p := l.ports(web80)
		brief, err := iptables.New(iptables.Path(l.iptables), iptables.Timeout(1))
		l.check(err)
		p.host.(*vm).tables = brief
		lock, err := os.OpenFile(filepath.Clean(os.Getenv("XTABLES_LOCKFILE")), os.O_RDWR|os.O_CREATE, 0o600)
		l.check(err)
		defer lock.Close()
		l.check(unix.Flock(int(lock.Fd()), unix.LOCK_EX))

		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := p.Set(ctx, Wiring{}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 900*time.Millisecond {
			t.Errorf("a call that shall end: %v after %s", err, time.Since(start))
		}
		// Longer than one iptables waits.
		freed := make(chan error, 1)
		time.AfterFunc(1500*time.Millisecond, func() { freed <- unix.Flock(int(lock.Fd()), unix.LOCK_UN) })
		set(t, p, nil, true)
		l.check(<-freed)
		if waited := time.Since(start); waited < 1500*time.Millisecond {
			t.Errorf("the lock was not held: %s", waited)
		}
	})
}

func TestRulesInBothVariantsAreSaid(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		p := l.ports(web80)
		if note, err := p.Backends(t.Context()); note != "" || err != nil {
			t.Errorf("without rules: %q, %v", note, err)
		}
		set(t, p, nil, true)
		if note, err := p.Backends(t.Context()); note != "" || err != nil {
			t.Errorf("with rules in one: %q, %v", note, err)
		}
		other := map[string]string{"iptables-nft": "iptables-legacy", "iptables-legacy": "iptables-nft"}[l.iptables]
		(&lab{t: t, iptables: other}).run("-A INPUT -s 192.0.2.1 -j DROP")
		if note, err := p.Backends(t.Context()); !strings.Contains(note, "both variants") || err != nil {
			t.Errorf("with rules in both: %q, %v", note, err)
		}
	})
}

func TestTheBridgesAddressIsRead(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		if got, err := BridgePrefix("lxcbr0"); err != nil || got != subnet {
			t.Errorf("got %s, %v", got, err)
		}
		if got, err := BridgePrefix("lo"); err == nil {
			t.Errorf("lo gives %s", got)
		}
		link, err := netlink.LinkByName("lxcbr0")
		l.check(err)
		l.check(netlink.LinkSetDown(link))
		if _, err := BridgePrefix("lxcbr0"); err == nil || !strings.Contains(err.Error(), "down") {
			t.Error(err)
		}
	})
}
