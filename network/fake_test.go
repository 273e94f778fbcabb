package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// fakeVM is a host that keeps to the rules of iptables and prints itself.
type fakeVM struct {
	all     tables
	sysctls map[string]string
	held    []held
	did     []string // the changes made
	reads   int
	left    int // changes and settings until it fails; -1 for never
	block   chan struct{}

	others   []*fakeVM // other variants of iptables
	searches int       // for those
}

var errFake = errors.New("cut off")

// newFake gives a VM with the rules that iptables-save would print.
func newFake(t *testing.T, save string) *fakeVM {
	t.Helper()
	all, err := parseTables([]byte(save))
	if err != nil {
		t.Fatal(err)
	}
	return &fakeVM{all: all, left: -1, held: []held{{label: "lxcbr0", prefix: subnet}}, sysctls: map[string]string{
		"ipv4/ip_forward": "0", localnetOf("lxcbr0"): "0", localnetOf("br1"): "0", closeTimeout: "10",
	}}
}

// save gives what iptables-save would print.
func (f *fakeVM) save() []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.all)) {
		fmt.Fprintf(&b, "*%s\n", name)
		for _, c := range f.all[name].chains {
			fmt.Fprintf(&b, ":%s\n", c)
		}
		for _, c := range f.all[name].chains {
			for _, r := range f.all[name].rules[c] {
				fmt.Fprintf(&b, "-A %s %s\n", c, r)
			}
		}
	}
	return []byte(b.String())
}

func (f *fakeVM) String() string {
	var b strings.Builder
	b.Write(f.save())
	for _, h := range f.held {
		fmt.Fprintf(&b, "%s on %s\n", h.prefix, h.label)
	}
	for _, name := range slices.Sorted(maps.Keys(f.sysctls)) {
		fmt.Fprintf(&b, "%s = %s\n", name, f.sysctls[name])
	}
	return b.String()
}

func (f *fakeVM) rules(context.Context) (tables, error) {
	f.reads++
	return parseTables(f.save())
}

func (f *fakeVM) variants() []host {
	f.searches++
	all := []host{f}
	for _, other := range f.others {
		all = append(all, other)
	}
	return all
}

func (f *fakeVM) count(what string) error {
	if f.left == 0 {
		return errFake
	}
	f.left--
	f.did = append(f.did, what)
	return nil
}

func (f *fakeVM) apply(_ context.Context, s step) error {
	if f.block != nil {
		<-f.block
	}
	if err := f.count(s.String()); err != nil {
		return err
	}
	t := f.all[s.table]
	if s.verb == newChain && !t.has(s.chain) {
		t.chains = append(t.chains, s.chain)
		return nil
	}
	if s.verb == newChain || !t.has(s.chain) {
		return fmt.Errorf("%s: chain is there or not", s)
	}
	if to := s.rule.target(); ours(to) && !t.has(to) {
		return fmt.Errorf("%s: no such target", s)
	}
	in := t.rules[s.chain]
	switch s.verb {
	case add:
		in = append(in, s.rule)
	case insert, replace, removeAt:
		if s.at < 1 || s.at > len(in) && (s.verb != insert || s.at > len(in)+1) {
			return fmt.Errorf("%s: no such rule", s)
		}
		switch s.verb {
		case insert:
			in = slices.Insert(in, s.at-1, s.rule)
		case replace:
			in[s.at-1] = s.rule
		default:
			in = slices.Delete(in, s.at-1, s.at)
		}
	case remove:
		i := slices.IndexFunc(in, func(r rule) bool { return slices.Equal(r, s.rule) }) // matches are compared in their order
		if i < 0 {
			return fmt.Errorf("%s: no such rule", s)
		}
		in = slices.Delete(in, i, i+1)
	case flush:
		in = nil
	case drop:
		for _, rules := range t.rules {
			if slices.ContainsFunc(rules, func(r rule) bool { return r.target() == s.chain }) {
				return fmt.Errorf("%s: somebody leads there", s)
			}
		}
		if len(in) > 0 {
			return fmt.Errorf("%s: not empty", s)
		}
		t.chains = slices.DeleteFunc(t.chains, func(c string) bool { return c == s.chain })
	}
	t.rules[s.chain] = in
	return nil
}

func (f *fakeVM) addresses(bridge string) ([]held, error) {
	all := slices.Clone(f.held)
	for i, h := range all {
		dev, _, _ := strings.Cut(h.label, ":")
		all[i].here = dev == bridge
		all[i].ours = strings.HasSuffix(h.label, ownLabel)
	}
	return all, nil
}

func (f *fakeVM) pin(bridge string) error {
	if _, ok := f.sysctls[localnetOf(bridge)]; !ok {
		return fmt.Errorf("no bridge %s", bridge)
	}
	return nil
}

// addAddress keeps the addresses in order, as they mean the same in any.
func (f *fakeVM) addAddress(bridge string, addr netip.Addr) error {
	if _, ok := f.sysctls[localnetOf(bridge)]; !ok {
		return fmt.Errorf("no bridge %s", bridge)
	}
	h := held{label: bridge + ownLabel, prefix: netip.PrefixFrom(addr, 32)}
	if slices.Contains(f.held, h) {
		return nil
	}
	if err := f.count(fmt.Sprintf("add %s to %s", addr, bridge)); err != nil {
		return err
	}
	f.held = append(f.held, h)
	slices.SortFunc(f.held, func(a, b held) int { return a.prefix.Addr().Compare(b.prefix.Addr()) })
	return nil
}

func (f *fakeVM) removeAddress(h held) error {
	if !h.ours {
		return fmt.Errorf("%s is not ours", h.prefix)
	}
	h.ours, h.here = false, false // as they are kept
	if !slices.Contains(f.held, h) {
		return nil
	}
	if err := f.count(fmt.Sprintf("take %s off %s", h.prefix.Addr(), h.label)); err != nil {
		return err
	}
	f.held = slices.DeleteFunc(f.held, func(other held) bool { return other == h })
	return nil
}

func (f *fakeVM) sysctl(name string) (string, error) {
	value, ok := f.sysctls[name]
	if !ok {
		return "", fmt.Errorf("read sysctl: %w", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist})
	}
	return value, nil
}

func (f *fakeVM) setSysctl(name, value string) error {
	if err := f.count(name + " = " + value); err != nil {
		return err
	}
	f.sysctls[name] = value
	return nil
}
