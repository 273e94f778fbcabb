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

// fakeVM is a kernel that keeps to the rules of iptables-restore and prints itself.
type fakeVM struct {
	all     tables
	sysctls map[string]string
	held    []held
	forgot  []string // targets and ports of datagrams
	did     []string // the changes made; of a table all that was changed at once
	reads   int
	left    int // changes and settings until it fails; -1 for never

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

func (f *fakeVM) variants() []kernel {
	f.searches++
	all := []kernel{f}
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

// apply changes each table as a whole or not at all, as iptables-restore does.
func (f *fakeVM) apply(_ context.Context, text string) error {
	for block := range strings.SplitSeq(text, "COMMIT\n") {
		if block == "" {
			continue
		}
		lines := strings.Split(strings.TrimSuffix(block, "\n"), "\n")
		name := strings.TrimPrefix(lines[0], "*")
		now := newTable()
		if was := f.all[name]; was != nil {
			now.chains, now.rules, now.policy = slices.Clone(was.chains), maps.Clone(was.rules), was.policy
		}
		for _, line := range lines[1:] {
			if err := now.act(line); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
		}
		if err := f.count(strings.Join(lines, "\n")); err != nil {
			return err
		}
		f.all[name] = now
	}
	return nil
}

// act does what a line for iptables-restore --noflush asks for.
func (t *table) act(line string) error {
	if name, ok := strings.CutPrefix(line, ":"); ok {
		name, _, _ = strings.Cut(name, " ")
		if !t.has(name) {
			t.chains = append(t.chains, name)
		}
		t.rules[name] = nil
		return nil
	}
	words := splitWords(line)
	verb, chain, r := words[0], words[1], rule(words[2:])
	if !t.has(chain) {
		return errors.New("no such chain")
	}
	if to := r.target(); ours(to) && !t.has(to) {
		return errors.New("no such target")
	}
	in := slices.Clone(t.rules[chain])
	switch verb {
	case "-A":
		in = append(in, r)
	case "-I":
		if r[0] != "1" {
			return errors.New("not at the head")
		}
		in = slices.Insert(in, 0, r[1:])
	case "-D":
		i := slices.IndexFunc(in, func(other rule) bool { return slices.Equal(other, r) }) // matches are compared in their order
		if i < 0 {
			return errors.New("no such rule")
		}
		in = slices.Delete(in, i, i+1)
	case "-F":
		in = nil
	case "-X":
		for _, rules := range t.rules {
			if slices.ContainsFunc(rules, func(r rule) bool { return r.target() == chain }) {
				return errors.New("something jumps there")
			}
		}
		if len(in) > 0 {
			return errors.New("not empty")
		}
		t.chains = slices.DeleteFunc(t.chains, func(c string) bool { return c == chain })
		delete(t.rules, chain)
		return nil
	default:
		return errors.New("no such verb")
	}
	t.rules[chain] = in
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

func (f *fakeVM) forgetDatagrams(from []netip.Addr, ports []uint16) error {
	f.forgot = append(f.forgot, fmt.Sprint(from, ports))
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
