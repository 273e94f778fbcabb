package network

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

// switchboard sends connections on: by rules, virtual IPs and sysctls. The rules
// are the truth: a new one takes over what an earlier one left, at whatever point
// that ended.
type switchboard struct {
	kernel  kernel
	bridge  string
	subnet  netip.Prefix
	notes   func(string)
	sysctls sysctls

	known  *deployer.Routes // what the rules are for; nil if unknown
	sought bool             // whether leftovers were looked for, where no rules are wanted
}

func newSwitchboard(k kernel, bridge string, subnet netip.Prefix, notes func(string)) *switchboard {
	return &switchboard{
		kernel: k, bridge: bridge, subnet: subnet, notes: notes,
		sysctls: sysctls{kernel: k, bridge: bridge},
	}
}

// set switches to r on trust that all is as it was left: nothing is read, and a
// table that differs is one act. Where what was left is unknown, and where
// virtual IPs come or go, it converges. After an error nothing is known.
func (s *switchboard) set(ctx context.Context, r deployer.Routes) error {
	was := s.known
	if was == nil || !maps.Equal(was.VIPs, r.VIPs) || needsRules(*was) != needsRules(r) {
		_, err := s.converge(ctx, r)
		return err
	}
	text := difference(s.layout(*was).tables(), s.layout(r))
	if text != "" {
		s.known = nil
		if err := s.kernel.apply(ctx, text); err != nil {
			return err
		}
	}
	s.known = &r
	return nil
}

func (s *switchboard) layout(r deployer.Routes) ruleset {
	return layout(s.bridge, s.subnet, r, noteSysctls(s.sysctls.before))
}

// converge makes all rules, addresses and sysctls what r asks for, whatever they
// are, and says whether any was not so. An address of ours is on the bridge only
// while there are rules that refuse what is not sent on.
func (s *switchboard) converge(ctx context.Context, r deployer.Routes) (changed bool, err error) {
	s.known = nil
	have, err := s.kernel.rules(ctx)
	if err != nil {
		return false, fmt.Errorf("read the rules: %w", err)
	}
	there, err := s.kernel.addresses(s.bridge)
	if err != nil {
		return false, err
	}
	unwanted, missing, err := compareAddresses(there, r.VIPs)
	if err != nil {
		return false, err
	}
	needed := needsRules(r)
	left := s.leftovers(ctx, have, needed)
	vips := slices.ContainsFunc(there, func(h held) bool { return h.ours && h.here })
	changed, err = s.sysctls.remember(noted(have, left), vips, needed)
	if err != nil {
		return changed, err
	}
	for _, h := range unwanted {
		if err := s.kernel.removeAddress(h); err != nil {
			return changed, err
		}
		changed = true
	}
	if text := difference(have, s.layout(r)); text != "" {
		if err := s.kernel.apply(ctx, text); err != nil {
			return changed, err
		}
		changed = true
	}
	changed = s.clear(ctx, left) || changed
	if needed {
		opened, err := s.open(missing)
		changed = changed || opened
		if err != nil {
			return changed, err
		}
	}
	s.known = &r
	return changed, nil
}

// open makes the kernel and the bridge what the rules rely on.
func (s *switchboard) open(missing []netip.Addr) (changed bool, err error) {
	if err := s.kernel.pin(s.bridge); err != nil {
		return false, err
	}
	changed, forwards, err := s.sysctls.open()
	if err != nil {
		return changed, err
	}
	if forwards {
		s.notes("turned net.ipv4.ip_forward on, which published ports and virtual IPs need; it stays on")
	}
	for _, addr := range missing {
		if err := s.kernel.addAddress(s.bridge, addr); err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// moveDatagrams has what is sent by UDP go where to says. That one does not is no
// reason to go back: it goes on to the old generation, until that is gone.
func (s *switchboard) moveDatagrams(was *deployer.Routes, to deployer.Routes) {
	if was == nil {
		return
	}
	from, ports := movedDatagrams(*was, to)
	if len(from) == 0 && len(ports) == 0 {
		return
	}
	if err := s.kernel.forgetDatagrams(from, ports); err != nil {
		s.notes("what is sent by UDP may go to the old generation until that is gone: " + err.Error())
	}
}

// leftovers are looked for where iptables shows no rules of ours; once, where
// none are wanted.
func (s *switchboard) leftovers(ctx context.Context, have tables, needed bool) []leftover {
	if have.own() || s.sought && !needed {
		return nil
	}
	s.sought = !needed
	return leftovers(ctx, s.kernel)
}

// clear removes what is left, and says whether there was any. What cannot be
// removed is no reason to hold up the rules that are wanted.
func (s *switchboard) clear(ctx context.Context, left []leftover) bool {
	for _, l := range left {
		if err := l.kernel.apply(ctx, difference(l.have, ruleset{})); err != nil {
			s.notes(fmt.Sprintf("rules are left in the other variant of iptables, see jarloop doctor: %s", err))
		}
	}
	return len(left) > 0
}

// remove takes away every chain, rule, jump and virtual IP of ours, also those
// of an earlier configuration or in another variant of iptables, and nothing
// else. That there are none is no error.
func (s *switchboard) remove(ctx context.Context) error {
	for range 2 { // other variants of iptables are looked at where this one has nothing of ours
		if _, err := s.converge(ctx, deployer.Routes{}); err != nil {
			return err
		}
	}
	return nil
}
