package network

import (
	"net/netip"
	"strings"
	"testing"
)

// TestIPTablesBecomesItsOtherVariant has rules of one variant taken over by the
// other, in the kernel's own tables.
func TestIPTablesBecomesItsOtherVariant(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.run("-A FORWARD -s 192.0.2.1 -j DROP")
		l.run("-t nat -A PREROUTING -d 192.0.2.5 -j ACCEPT")
		l.run("-t nat -A OUTPUT -d 192.0.2.5 -j ACCEPT")
		l.run("-t nat -A POSTROUTING -d 192.0.2.5 -j ACCEPT")
		l.run("-A INPUT -s 192.0.2.1 -j DROP")
		first := l.guest("10.0.3.131")
		second := l.guest("10.0.3.132")
		before := l.save()
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": first}, true)
		l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.131")

		was := l.iptables
		l.iptables = map[string]string{"iptables-nft": "iptables-legacy", "iptables-legacy": "iptables-nft"}[was]
		next := l.ports(web80)
		set(t, next, map[string]netip.AddrPort{"web": second}, true)
		l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.3.132")
		now := l.iptables
		l.iptables = was
		// What is left of the first variant is what others have there.
		if after := l.save(); strings.Contains(after, ownChain) || after != before {
			t.Errorf("%s has\n%s\nand had\n%s", was, after, before)
		}
		l.iptables = now
		l.check(next.Remove(t.Context()))
		if after := l.save(); strings.Contains(after, ownChain) {
			t.Errorf("%s has\n%s", now, after)
		}
	})
}
