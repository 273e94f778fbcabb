//go:build cgo

package lxc

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/enginetest"
)

func TestTheEngineKeepsItsPromises(t *testing.T) {
	enginetest.Run(t, enginetest.Together, func(t *testing.T) enginetest.Harness {
		t.Helper()
		return newHarness(t, newHost(t, newPath(t), "dir"))
	})
}

// TestTheEngineKeepsItsPromisesInAUserNamespace has guests whose root is nobody here.
func TestTheEngineKeepsItsPromisesInAUserNamespace(t *testing.T) {
	enginetest.Run(t, enginetest.Together, func(t *testing.T) enginetest.Harness {
		t.Helper()
		return newHarness(t, newUnprivilegedHost(t))
	})
}

// TestTheEngineKeepsItsPromisesWithSystemd has guests with the init that most have,
// made of a base that a lab of this machine has built.
func TestTheEngineKeepsItsPromisesWithSystemd(t *testing.T) {
	rootfs := labRoot(t)
	enginetest.Run(t, enginetest.Together, func(t *testing.T) enginetest.Harness {
		t.Helper()
		h := newHarness(t, systemdHost(t, rootfs))
		h.BaseFile = "/etc/pam.d/common-auth"
		return h
	})
}

// labRoot gives the root of a base with systemd that a lab of this machine has built,
// or that JARLOOP_BASE names.
func labRoot(t testing.TB) string {
	t.Helper()
	const systemd = "/usr/lib/systemd/systemd"
	place := os.Getenv("JARLOOP_BASE")
	if place == "" {
		place = "/var/cache/jarloop/lab/lxc/*base*/rootfs" // a name that ours is in, as liblxc wants it
	}
	roots, _ := filepath.Glob(place + systemd)
	if len(roots) == 0 || os.Geteuid() != 0 {
		t.Skip("no lab has built a base here")
	}
	return strings.TrimSuffix(roots[0], systemd)
}

// systemdHost gives a host whose base has that root.
func systemdHost(t testing.TB, rootfs string) *Host {
	t.Helper()
	path := newPath(t)
	mkdir(t, filepath.Join(path, "base")) // its root is only read, below the clones
	writeFile(t, filepath.Join(path, "base", "config"), "lxc.include = /usr/share/lxc/config/debian.common.conf\n"+
		"lxc.arch = x86_64\nlxc.tty.max = 0\nlxc.autodev = 1\nlxc.net.0.type = empty\nlxc.rootfs.path = dir:"+rootfs+"\n")
	return &Host{Path: path, Child: child}
}

// newPath gives an lxc.path. It is not t.TempDir, whose name may have a comma: liblxc
// 5.0.2 hands one on to the mount of an overlay, where it ends an option.
func newPath(t testing.TB) string {
	t.Helper()
	path, err := os.MkdirTemp("", "jlt-lxc-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	return path
}

// bench is an engine on real containers, with all that the suite wants of it.
type bench struct {
	host    *Host
	options Options
	address netip.Addr
}

func newHarness(t *testing.T, h *Host) enginetest.Harness {
	t.Helper()
	b := &bench{host: h, address: netip.MustParseAddr(gateway)}
	b.options = Options{
		Path: h.Path, Logs: filepath.Join(h.Path, ".logs"), Bridge: bridge,
		Gateway: b.address, Nameserver: b.address, Child: h.Child, DataCopyLimit: 1 << 30,
	}
	return enginetest.Harness{
		Engine: b.engine(t), Base: "base", Address: b.next, Restart: func(t *testing.T) deployer.Engine { return b.engine(t) },
		Hands:     enginetest.Hands{Foreign: b.foreign, HalfMade: b.halfMade, HalfRemoved: b.halfRemoved, Hang: b.hang, Halt: b.halt, Vanish: b.vanish, HalfProduced: b.halfProduced},
		Services:  enginetest.Shell(),
		Commands:  enginetest.ShellCommands(),
		Mapper:    enginetest.Mapper,
		BaseFile:  baseFile,
		Irregular: []string{"/etc", "/dev/null", "/proc/version", "/etc/jarloop/gate"},
	}
}

func (b *bench) engine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(b.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (b *bench) next() netip.Prefix {
	b.address = b.address.Next()
	return netip.PrefixFrom(b.address, 24)
}

func (b *bench) foreign(t *testing.T, name string) {
	t.Helper()
	if err := b.host.Clone(t.Context(), "base", name, "auto", nil); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) halfMade(t *testing.T, s deployer.Spec) {
	t.Helper()
	e := b.engine(t)
	if err := errors.Join(e.disk.claim(s.Name, s.Record), e.host.Clone(t.Context(), s.Base, s.Name, "auto", nil)); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) halfProduced(t *testing.T, p deployer.Production) {
	t.Helper()
	e := b.engine(t)
	name, err := e.claimProduction()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.prepareProduction(t.Context(), name, p); err != nil {
		t.Fatal(err)
	}
	if _, err := e.host.StartIdle(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) halfRemoved(t *testing.T, s deployer.Spec) {
	t.Helper()
	e := b.engine(t)
	if err := e.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if there, err := e.disk.depart(s.Name); err != nil || !there {
		t.Fatal(there, err)
	}
	if err := os.RemoveAll(filepath.Join(e.disk.folder(s.Name), "overlay", "delta", "etc")); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) hang(t *testing.T, name string) func() {
	t.Helper()
	config, hook := filepath.Join(b.host.Path, name, "config"), filepath.Join(t.TempDir(), "hook")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, hook, "#!/bin/sh\nexec sleep 86392\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, config, string(text)+"lxc.hook.pre-start = "+hook+"\n")
	return func() { writeFile(t, config, string(text)) }
}

func (b *bench) halt(t *testing.T, name string) {
	t.Helper()
	if out, err := exec.Command("lxc-stop", "-P", b.host.Path, "-n", name, "--nokill", "-W").CombinedOutput(); err != nil {
		t.Fatalf("lxc-stop: %v: %s", err, out)
	}
}

func (b *bench) vanish(t *testing.T, name string) {
	t.Helper()
	if err := errors.Join(b.host.Stop(t.Context(), name, 0), b.host.Destroy(t.Context(), name)); err != nil {
		t.Fatal(err)
	}
}
