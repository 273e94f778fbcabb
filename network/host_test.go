package network

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

func TestTheLockOfIPTablesIsWaitedFor(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		if l.iptables == "iptables-nft" {
			t.Skip("this variant has no lock")
		}
		p := l.ports(web80)
		both := []netip.AddrPort{l.guest("10.0.3.131"), l.guest("10.0.3.132")}
		to := func(i int) map[string]netip.AddrPort { return map[string]netip.AddrPort{"web": both[i]} }
		set(t, p, to(0), true)
		rules := l.save()
		lock, err := os.OpenFile(filepath.Clean(os.Getenv("XTABLES_LOCKFILE")), os.O_RDWR|os.O_CREATE, 0o600)
		l.check(err)
		defer lock.Close()
		l.check(unix.Flock(int(lock.Fd()), unix.LOCK_EX))

		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err = p.Set(ctx, deployer.Routes{Targets: to(1)})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 900*time.Millisecond {
			t.Errorf("a call that shall end: %v after %s", err, time.Since(start))
		}

		// Held beyond the limit, it is an error, and all is as it was.
		tool := p.kernel.kernel.(*vm).tool
		tool.lockWait = time.Second
		start = time.Now()
		_, err = p.Set(t.Context(), deployer.Routes{Targets: to(1)})
		if err == nil || !strings.Contains(err.Error(), "xtables lock") || errors.As(err, new(*deployer.DriftError)) || time.Since(start) > 3*time.Second {
			t.Errorf("a lock that is not freed: %v after %s", err, time.Since(start))
		}
		same(t, "rules", rules, l.save())
		l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.131")

		tool.lockWait = lockWait
		start = time.Now()
		freed := make(chan error, 1)
		time.AfterFunc(1500*time.Millisecond, func() { freed <- unix.Flock(int(lock.Fd()), unix.LOCK_UN) })
		set(t, p, to(1), true)
		l.check(<-freed)
		if waited := time.Since(start); waited < 1500*time.Millisecond {
			t.Errorf("the lock was not held: %s", waited)
		}
		l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.132")
	})
}

func TestRulesInBothVariantsAreSaid(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		p := l.ports(web80)
		if note, err := Backends(t.Context()); note != "" || err != nil {
			t.Errorf("without rules: %q, %v", note, err)
		}
		set(t, p, nil, true)
		if note, err := Backends(t.Context()); note != "" || err != nil {
			t.Errorf("with rules in one: %q, %v", note, err)
		}
		other := map[string]string{"iptables-nft": "iptables-legacy", "iptables-legacy": "iptables-nft"}[l.iptables]
		(&lab{t: t, iptables: other}).run("-A INPUT -s 192.0.2.1 -j DROP")
		if note, err := Backends(t.Context()); !strings.Contains(note, "both variants") || err != nil {
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
