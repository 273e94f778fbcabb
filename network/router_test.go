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

	"github.com/jarloop/jarloop/deployer"
)

// guests are the hosts files of instances.
type guests struct {
	files map[string]string
	fail  map[string]bool // instances that cannot be written to
	left  int             // writes until they fail; -1 for never
	reads int
}

func newGuests(instances ...string) *guests {
	g := &guests{files: map[string]string{}, fail: map[string]bool{}, left: -1}
	for _, name := range instances {
		g.files[name] = stock
	}
	return g
}

func (g *guests) ReadFile(_ context.Context, instance, file string) ([]byte, error) {
	g.reads++
	text, found := g.files[instance]
	if file != "/etc/hosts" || !found {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (g *guests) WriteFile(_ context.Context, instance, _ string, data []byte, _ fs.FileMode) error {
	if g.fail[instance] || g.left == 0 {
		return errFake
	}
	g.left--
	g.files[instance] = string(data)
	return nil
}

func (g *guests) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		fmt.Fprintf(&b, "%s:\n%s", name, g.files[name])
	}
	return b.String()
}

// routed gives routes in which web-1 and api-1 know person and each other.
func routed(web, person string) deployer.Routes {
	return deployer.Routes{
		Targets: targets("web", web+":8080", "person", person+":8085"),
		VIPs:    addresses("session", "10.0.3.100"),
		Publish: []deployer.Publish{web80},
		Names: map[string]map[string]netip.Addr{
			"api-1": addresses("person", person),
			"web-1": addresses("person", person, "session", "10.0.3.100"),
		},
	}
}

// system is a Router on a fake VM with two instances.
type system struct {
	*Router
	vm     *fakeVM
	guests *guests
}

func newSystem(t *testing.T) *system {
	f, g := newFake(t, crowded), newGuests("api-1", "web-1")
	return &system{newRouter(f, Options{Bridge: "lxcbr0", Subnet: subnet, Files: g}), f, g}
}

func (s *system) String() string { return s.vm.String() + s.guests.String() }

func (s *system) set(t *testing.T, to deployer.Routes, want ...string) {
	t.Helper()
	changed, err := s.Set(t.Context(), to)
	if err != nil || !slices.Equal(changed, want) {
		t.Errorf("Set: %q, %v; want %q", changed, err, want)
	}
}

var _ deployer.Router = (*system)(nil)

func TestSetSaysWhoseNamesAreOthers(t *testing.T) {
	s := newSystem(t)
	to := routed("10.0.3.131", "10.0.3.132")
	s.set(t, to, "api-1", "web-1")
	if want := begin + "\n10.0.3.132\tperson\t# jarloop\n10.0.3.100\tsession\t# jarloop\n" + blockEnd; !strings.Contains(s.guests.files["web-1"], want) {
		t.Errorf("web-1 has\n%s", s.guests.files["web-1"])
	}
	s.vm.reads, s.vm.did, s.guests.reads = 0, nil, 0
	s.set(t, to)
	s.set(t, routed("10.0.3.131", "10.0.3.132"))
	if s.vm.reads+s.guests.reads+len(s.vm.did) > 0 {
		t.Errorf("nothing has changed, and %d rules and %d files were read, %q done", s.vm.reads, s.guests.reads, s.vm.did)
	}

	// The caller's maps are its own.
	clear(to.Names["api-1"])
	delete(to.Targets, "web")

	only := routed("10.0.3.131", "10.0.3.132")
	only.Names["web-1"] = addresses("session", "10.0.3.100")
	s.set(t, only, "web-1")
	if s.vm.reads+len(s.vm.did) > 0 || s.guests.reads != 1 {
		t.Errorf("for one name: %d rules and %d files were read, %q done", s.vm.reads, s.guests.reads, s.vm.did)
	}
	// An instance that has gone is left alone, and not remembered.
	gone := routed("10.0.3.131", "10.0.3.132")
	delete(gone.Names, "web-1")
	s.set(t, gone)
	s.set(t, only)
	if s.guests.reads != 2 {
		t.Errorf("%d files were read", s.guests.reads)
	}
}

// TestASetThatFailsLeavesWhatWas fails each act of a switch in turn, once.
func TestASetThatFailsLeavesWhatWas(t *testing.T) {
	before, after := routed("10.0.3.131", "10.0.3.132"), routed("10.0.3.141", "10.0.3.142")
	after.VIPs = addresses("session", "10.0.3.100", "person", "10.0.3.101")
	for name, breaks := range map[string]func(s *system, at int) (heal func()){
		"files": func(s *system, at int) func() {
			s.guests.left = at
			return func() { s.guests.left = -1 }
		},
		"an instance": func(s *system, at int) func() {
			s.guests.fail[[]string{"api-1", "web-1", ""}[at]] = true
			return func() { clear(s.guests.fail) }
		},
		"the kernel": func(s *system, at int) func() {
			s.vm.left = at
			return func() { s.vm.left = -1 }
		},
	} {
		failures := 0
		for at := 0; ; at++ {
			s := newSystem(t)
			s.set(t, before, "api-1", "web-1")
			was := s.String()
			heal := breaks(s, at)
			// What fails once goes back: the failure ends with the act itself.
			s.ports.kernel = &healing{s.vm}
			s.files = &healingFiles{s.guests}
			changed, err := s.Set(t.Context(), after)
			heal()
			if err == nil {
				break
			}
			failures++
			if !errors.Is(err, errFake) || errors.As(err, new(*deployer.DriftError)) || len(changed) > 0 {
				t.Errorf("%s, %d: %q, %v", name, at, changed, err)
			}
			same(t, fmt.Sprintf("%s, %d", name, at), was, s.String())
			s.set(t, after, "api-1", "web-1")
			s.set(t, before, "api-1", "web-1")
			same(t, fmt.Sprintf("%s, %d, there and back", name, at), was, s.String())
		}
		if failures < 2 {
			t.Errorf("%s: only %d failures", name, failures)
		}
	}
}

// healing is a kernel, and healingFiles are files, whose failure is over when it
// has been seen.
type healing struct{ *fakeVM }

func (h *healing) heal(err error) error {
	if errors.Is(err, errFake) {
		h.left = -1
	}
	return err
}

func (h *healing) apply(ctx context.Context, text string) error {
	return h.heal(h.fakeVM.apply(ctx, text))
}

func (h *healing) addAddress(bridge string, addr netip.Addr) error {
	return h.heal(h.fakeVM.addAddress(bridge, addr))
}

func (h *healing) removeAddress(a held) error { return h.heal(h.fakeVM.removeAddress(a)) }

type healingFiles struct{ *guests }

func (h *healingFiles) WriteFile(ctx context.Context, instance, file string, data []byte, perm fs.FileMode) error {
	err := h.guests.WriteFile(ctx, instance, file, data, perm)
	if err != nil {
		h.left = -1
	}
	return err
}

// TestASetThatCannotGoBackSaysOfWhichServices has failures stay.
func TestASetThatCannotGoBackSaysOfWhichServices(t *testing.T) {
	before := routed("10.0.3.131", "10.0.3.132")
	for _, c := range []struct {
		name    string
		breaks  func(s *system)
		to      deployer.Routes
		changed []string
		drifted []string // nil: nothing has drifted
	}{
		{"an instance cannot be written, and none was before", func(s *system) { s.guests.fail["api-1"] = true },
			routed("10.0.3.131", "10.0.3.142"), nil, nil},
		{"an instance cannot be written back", func(s *system) { s.guests.left = 1 },
			routed("10.0.3.131", "10.0.3.142"), []string{"api-1"}, []string{"person"}},
		{"a table cannot be changed, and none was before", func(s *system) { s.vm.left = 0 },
			routed("10.0.3.141", "10.0.3.132"), nil, nil},
		{"virtual IPs cannot be put back", func(s *system) { s.vm.left = 1 }, func() deployer.Routes {
			r := routed("10.0.3.131", "10.0.3.132")
			r.VIPs = addresses("session", "10.0.3.109")
			return r
		}(), nil, []string{}},
		{"ports cannot be put back", func(s *system) { s.vm.left = 1 }, func() deployer.Routes {
			r := routed("10.0.3.131", "10.0.3.132")
			r.Publish = []deployer.Publish{web80, api443}
			r.VIPs = addresses("session", "10.0.3.109")
			return r
		}(), nil, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSystem(t)
			s.set(t, before, "api-1", "web-1")
			was := s.String()
			c.breaks(s)
			changed, err := s.Set(t.Context(), c.to)
			drift := (*deployer.DriftError)(nil)
			if !errors.Is(err, errFake) || !slices.Equal(changed, c.changed) {
				t.Errorf("Set: %q, %v", changed, err)
			}
			if errors.As(err, &drift) != (c.drifted != nil) || drift != nil && !slices.Equal(drift.Services, c.drifted) {
				t.Errorf("drifted: %v; want %q", err, c.drifted)
			}
			s.guests.left, s.vm.left = -1, -1
			clear(s.guests.fail)
			changed, _, err = s.Repair(t.Context(), before)
			if err != nil || !slices.Equal(changed, c.changed) {
				t.Errorf("Repair: %q, %v", changed, err)
			}
			same(t, "all", was, s.String())
		})
	}
}

// TestTheFirstSetCannotGoBack is about an agent that knows of nothing before it.
func TestTheFirstSetCannotGoBack(t *testing.T) {
	to := routed("10.0.3.131", "10.0.3.132")
	for _, c := range []struct {
		name   string
		breaks func(s *system)
		drift  bool
	}{
		{"nothing was done", func(s *system) { s.guests.left = 0 }, false},
		{"a file was written", func(s *system) { s.guests.left = 1 }, true},
		{"all were, and rules fail", func(s *system) { s.vm.left = 0 }, true},
	} {
		s := newSystem(t)
		c.breaks(s)
		_, err := s.Set(t.Context(), to)
		drift := (*deployer.DriftError)(nil)
		if !errors.Is(err, errFake) || errors.As(err, &drift) != c.drift || drift != nil && len(drift.Services) > 0 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRepairGoesOnWhereAPartFails(t *testing.T) {
	want := newSystem(t)
	to := routed("10.0.3.131", "10.0.3.132")
	want.set(t, to, "api-1", "web-1")

	s := newSystem(t)
	s.guests.fail["api-1"] = true
	changed, repaired, err := s.Repair(t.Context(), to)
	drift := (*deployer.DriftError)(nil)
	if !errors.As(err, &drift) || !slices.Equal(drift.Services, []string{"person"}) || !errors.Is(err, errFake) || !strings.Contains(err.Error(), "api-1") {
		t.Errorf("Repair: %v", err)
	}
	if !slices.Equal(changed, []string{"web-1"}) || !slices.Equal(repaired, []string{"hosts file of web-1", "iptables rules"}) {
		t.Errorf("changed %q, repaired %q", changed, repaired)
	}
	same(t, "the kernel", want.vm.String(), s.vm.String())
	same(t, "the other instance", want.guests.files["web-1"], s.guests.files["web-1"])

	// A switch goes on from there, and is given up where that instance stands in
	// its way.
	if _, err := s.Set(t.Context(), routed("10.0.3.141", "10.0.3.142")); !errors.Is(err, errFake) {
		t.Errorf("Set: %v", err)
	}
	same(t, "the kernel", want.vm.String(), s.vm.String())
	clear(s.guests.fail)
	s.vm.left = 0
	s.vm.all["nat"].rules[ownChain] = nil
	changed, repaired, err = s.Repair(t.Context(), to)
	if !errors.As(err, &drift) || len(drift.Services) > 0 || !slices.Equal(changed, []string{"api-1"}) || !slices.Equal(repaired, []string{"hosts file of api-1"}) {
		t.Errorf("changed %q, repaired %q, %v", changed, repaired, err)
	}
	s.vm.left = -1
	changed, repaired, err = s.Repair(t.Context(), to)
	if err != nil || len(changed) > 0 || !slices.Equal(repaired, []string{"iptables rules"}) {
		t.Errorf("changed %q, repaired %q, %v", changed, repaired, err)
	}
	if changed, repaired, err = s.Repair(t.Context(), to); err != nil || len(changed)+len(repaired) > 0 {
		t.Errorf("changed %q, repaired %q, %v", changed, repaired, err)
	}
	same(t, "all", want.String(), s.String())
}

// absent are files of which an instance's cannot be reached.
type absent struct {
	*guests
	instance string
	err      error
}

func (a *absent) ReadFile(ctx context.Context, instance, file string) ([]byte, error) {
	if instance == a.instance {
		return nil, a.err
	}
	return a.guests.ReadFile(ctx, instance, file)
}

// TestAnInstanceThatNobodyReachesIsNoReasonNotToSwitch has one that has ended, and one whose
// machine is away: it gets its names when it is back.
func TestAnInstanceThatNobodyReachesIsNoReasonNotToSwitch(t *testing.T) {
	for _, why := range []error{deployer.ErrStopped, deployer.ErrAway} {
		s := newSystem(t)
		files := &absent{guests: s.guests}
		s.files = files
		s.set(t, routed("10.0.3.131", "10.0.3.132"), "api-1", "web-1")
		files.instance, files.err = "web-1", fmt.Errorf("read: %w", why)
		to := routed("10.0.3.141", "10.0.3.142")
		s.set(t, to, "api-1")
		if changed, _, err := s.Repair(t.Context(), to); err != nil || len(changed) > 0 {
			t.Errorf("while it is not reached, a repair changes %q: %v", changed, err)
		}
		files.instance = ""
		if changed, _, err := s.Repair(t.Context(), to); err != nil || !slices.Equal(changed, []string{"web-1"}) {
			t.Errorf("when it is, a repair changes %q: %v", changed, err)
		}
	}
}

func TestNamesThatAreNoneAreRefused(t *testing.T) {
	s := newSystem(t)
	s.set(t, routed("10.0.3.131", "10.0.3.132"), "api-1", "web-1")
	was := s.String()
	wrong := routed("10.0.3.131", "10.0.3.142")
	wrong.Names["web-1"] = addresses("a b", "10.0.3.142")
	if _, err := s.Set(t.Context(), wrong); err == nil || errors.As(err, new(*deployer.DriftError)) {
		t.Errorf("Set: %v", err)
	}
	same(t, "all", was, s.String())
}
