//go:build cgo

package lxc

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// systemdGuest is a booted instance of a base with systemd, and what it runs.
type systemdGuest struct {
	t      *testing.T
	engine deployer.Engine
	name   string
}

// bootSystemd boots one that runs a command.
func bootSystemd(t *testing.T, rootfs, line string) systemdGuest {
	t.Helper()
	h := newHarness(t, systemdHost(t, rootfs))
	g := systemdGuest{t, h.Engine, "trial-1"}
	t.Cleanup(func() {
		if err := errors.Join(g.engine.Stop(context.Background(), g.name, 0), g.engine.Remove(context.Background(), g.name)); err != nil {
			t.Error(err)
		}
	})
	if err := g.engine.Create(t.Context(), deployer.Spec{Name: g.name, Base: h.Base, Address: h.Address(), Record: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	g.start()
	if err := errors.Join(g.engine.Install(t.Context(), g.name, "", "", deployer.Command{Line: line}), g.engine.Launch(t.Context(), g.name)); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g systemdGuest) start() {
	g.t.Helper()
	if _, err := g.engine.Start(g.t.Context(), g.name); err != nil {
		g.t.Fatal(err)
	}
}

// up waits until the service has printed "up" that often, and gives its last lines.
func (g systemdGuest) up(times int) (tail []string) {
	g.t.Helper()
	eventually(g.t, "the service is up", func() bool {
		tail = g.engine.Tail(g.name)
		return len(slices.DeleteFunc(slices.Clone(tail), func(line string) bool { return line != "up" })) == times
	})
	return tail
}

// inside gives what a shell line prints, and how it ends if that is no success.
func (g systemdGuest) inside(line string) string {
	g.t.Helper()
	out, err := g.engine.Run(g.t.Context(), g.name, []string{"sh", "-c", line})
	if err != nil {
		return strings.TrimSpace(string(out)) + " " + err.Error()
	}
	return strings.TrimSpace(string(out))
}

// TestALeanGuestLacksNothing holds a guest whose boot leaves much out to what people, and
// services, find in one.
func TestALeanGuestLacksNothing(t *testing.T) {
	g := bootSystemd(t, labRoot(t), `logger -t trial "from the service"; stat -c %a /run/lock /tmp; echo up; exec sleep 1000`)
	for boot := range 2 {
		if tail := g.up(boot + 1); !slices.Equal(tail[len(tail)-3:], []string{"1777", "1777", "up"}) {
			t.Errorf("the modes of /run/lock and /tmp are %q", tail)
		}
		for _, test := range []struct{ what, line, want string }{
			{"the boot comes to its end", "systemctl is-system-running --wait", "running"},
			{"no unit failed", "systemctl --failed --no-legend --plain", ""},
			{"what a service logs is in the journal", `journalctl --sync; journalctl -o cat -t trial | sort -u`, "from the service"},
			{"what a unit prints is too", `systemd-run -q --wait echo "from a unit"; journalctl --sync; journalctl -o cat | grep -cx "from a unit"`, "1"},
			{"people may log in", "ls /run/nologin /etc/nologin 2>/dev/null || echo yes", "yes"},
			{"the bus starts when somebody needs it", "busctl --no-pager --no-legend status org.freedesktop.DBus >/dev/null && systemctl is-active dbus", "active"},
			{"it has a machine ID of its own", "tr -d '\\n' < /etc/machine-id | wc -c", "32"},
			{"mounts are listed where Java looks for them", "grep -c ' / ' /etc/mtab", "1"},
		} {
			if got := g.inside(test.line); got != test.want {
				t.Errorf("%s: got %q, want %q", test.what, got, test.want)
			}
		}
		before := time.Now().Add(-time.Second)
		if at, err := strconv.ParseInt(g.inside("date +%s"), 10, 64); err != nil || time.Unix(at, 0).Before(before) || time.Unix(at, 0).After(time.Now()) {
			t.Errorf("its clock shows %d, %v", at, err)
		}
		if got := g.inside("ls /tmp/left 2>/dev/null; test ! -e /tmp/left && echo x >/tmp/left && echo x >/var/tmp/stays"); got != "" {
			t.Errorf("from a boot before there is %q", got)
		}
		if got := g.inside("cat /var/tmp/stays"); got != "x" {
			t.Errorf("what is to stay is %q", got)
		}
		if boot == 0 {
			if err := g.engine.Stop(t.Context(), g.name, 20*time.Second); err != nil {
				t.Fatal(err)
			}
			g.start()
		}
	}
}

// TestABaseThatWantsFoldersInRunHasThem is what packages such as PostgreSQL rest on.
func TestABaseThatWantsFoldersInRunHasThem(t *testing.T) {
	lower, top := labRoot(t), newPath(t)
	mkdir(t, filepath.Join(top, "up/usr/lib/tmpfiles.d"))
	writeFile(t, filepath.Join(top, "up/usr/lib/tmpfiles.d/postgresql.conf"), "d /run/postgresql 2775 root utmp - -\n")
	root := filepath.Join(top, "base/rootfs")
	mkdir(t, root)
	mkdir(t, filepath.Join(top, "work"))
	out, err := exec.Command("mount", "-t", "overlay", "base", "-o",
		"lowerdir="+lower+",upperdir="+filepath.Join(top, "up")+",workdir="+filepath.Join(top, "work"), root).CombinedOutput()
	if err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", root).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	g := bootSystemd(t, root, `stat -c "%a %G" /run/postgresql; echo up; exec sleep 1000`)
	if tail := g.up(1); !slices.Contains(tail, "2775 utmp") {
		t.Errorf("when the service began, /run/postgresql was: %q", tail)
	}
}

// BenchmarkBoot says what a boot costs from the start of the container to the unit's
// gate, in the time of processors and on the clock, and what it has cost when it is over.
// It compares that with the boot of the same base where nothing is left out.
func BenchmarkBoot(b *testing.B) {
	rootfs := labRoot(b)
	root, err := guest.OpenRoot(rootfs)
	if err != nil {
		b.Fatal(err)
	}
	lean := root.Lean(guest.Systemd)
	_ = root.Close()
	for i := range lean {
		lean[i] = guest.File{Name: lean[i].Name, Gone: true}
	}
	for _, as := range []struct {
		name string
		undo []guest.File
	}{{"lean", nil}, {"whole", lean}} {
		b.Run(as.name, func(b *testing.B) {
			host := systemdHost(b, rootfs)
			e, err := New(Options{Path: host.Path, Logs: filepath.Join(host.Path, ".logs"), Child: host.Child})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			var all []bootCost
			for n := 0; b.Loop(); n++ {
				all = append(all, e.measureBoot(b, "boot-"+strconv.Itoa(n+1), as.undo))
			}
			for unit, of := range map[string]func(bootCost) time.Duration{
				"gate-ms": func(c bootCost) time.Duration { return c.gate }, "gate-cpu-ms": func(c bootCost) time.Duration { return c.gateCPU },
				"whole-cpu-ms": func(c bootCost) time.Duration { return c.cpu },
			} {
				slices.SortFunc(all, func(x, y bootCost) int { return cmp.Compare(of(x), of(y)) })
				b.ReportMetric(float64(of(all[len(all)/2]).Milliseconds()), unit)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// nowhere is an address for a container without a network.
var nowhere = netip.MustParsePrefix("10.117.0.2/24")

// bootCost is what a boot took to the unit's gate, and to its end.
type bootCost struct{ gate, gateCPU, cpu time.Duration }

// measureBoot boots an instance, and removes it.
func (e *Engine) measureBoot(b *testing.B, name string, undo []guest.File) (c bootCost) {
	ctx := b.Context()
	err := e.Create(ctx, deployer.Spec{Name: name, Base: "base", Address: nowhere, Record: []byte("x")})
	if err == nil {
		err = e.writeStopped(ctx, name, undo)
	}
	defer func() {
		if err := errors.Join(e.Stop(context.Background(), name, 0), e.Remove(context.Background(), name)); err != nil {
			b.Error(err)
		}
	}()
	began := time.Now()
	if err == nil {
		_, err = e.Start(ctx, name)
	}
	if err != nil {
		b.Fatal(err)
	}
	for {
		_, err := inside(ctx, e, name, quick, func(r *guest.Root) (bool, error) { return true, r.OpenGate() })
		if err == nil {
			break
		}
		if !errors.Is(err, guest.ErrEarly) || time.Since(began) > bootTime {
			b.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	c.gate, c.gateCPU = time.Since(began), processorTime(b, name)
	for quiet := 0; quiet < 5; time.Sleep(100 * time.Millisecond) { // over, when it takes next to nothing for half a second
		now := processorTime(b, name)
		if quiet++; now-c.cpu > 5*time.Millisecond {
			quiet = 0
		}
		c.cpu = now
	}
	return c
}

// processorTime is what a container's processes have taken, in whichever version the
// cgroups are (kernel doc, cgroup-v1/cpuacct, cgroup-v2, cpu.stat).
func processorTime(b *testing.B, name string) time.Duration {
	b.Helper()
	if text, err := os.ReadFile("/sys/fs/cgroup/cpuacct/lxc.payload." + name + "/cpuacct.usage"); err == nil {
		ns, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Duration(ns)
	}
	us := counted("/sys/fs/cgroup/lxc.payload."+name+"/cpu.stat", "usage_usec")
	if us == 0 {
		b.Fatalf("nobody counts the processor time of %s", name)
	}
	return time.Duration(us) * time.Microsecond
}
