package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// container is a real one, with busybox's init, in a folder of the test's own.
type container struct {
	t                   *testing.T
	path, name, reports string
}

func (c container) lxc(verb string, args ...string) (string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "lxc-"+verb, append([]string{"-P", c.path, "-n", c.name}, args...)...).CombinedOutput()
	return string(out), err
}

func (c container) must(verb string, args ...string) string {
	c.t.Helper()
	out, err := c.lxc(verb, args...)
	if err != nil {
		c.t.Fatalf("lxc-%s %q: %v\n%s", verb, args, err, out)
	}
	return out
}

// run runs a command inside, as one who attaches would.
func (c container) run(argv []string) {
	c.t.Helper()
	c.must("attach", append([]string{"--"}, argv...)...)
}

// eventually waits until what the service printed and how it ended is as it
// shall be.
func (c container) eventually(what string, is func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			exit, err := ReadExit(c.reports)
			c.t.Fatalf("%s: not within 20 s; printed %q; exit %+v, %v", what, c.out(), exit, err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (c container) out() string {
	data, _ := os.ReadFile(filepath.Join(c.reports, "out"))
	return string(data)
}

func (c container) exits(want Exit) {
	c.t.Helper()
	c.eventually("exit "+want.String(), func() bool { e, err := ReadExit(c.reports); return err == nil && e == want })
}

func busyboxContainer(t *testing.T) container {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to start a container")
	}
	if _, err := exec.LookPath("lxc-create"); err != nil {
		t.Skip("no lxc-create here")
	}
	dir := t.TempDir()
	c := container{t, filepath.Join(dir, "lxc"), fmt.Sprintf("jlt-guest-%d", os.Getpid()), filepath.Join(dir, "reports")}
	must(t, os.Mkdir(c.path, 0o755))
	must(t, os.Mkdir(c.reports, 0o755))
	config := filepath.Join(dir, "config")
	must(t, os.WriteFile(config, []byte("lxc.net.0.type = empty\nlxc.signal.halt = "+Busybox.HaltSignal()+"\n"+
		"lxc.mount.entry = "+c.reports+" "+strings.TrimPrefix(Reports, "/")+" none bind,create=dir 0 0\n"), 0o644))
	t.Cleanup(func() {
		_, _ = c.lxc("stop", "-k")
		if out, err := c.lxc("destroy", "-f"); err != nil {
			t.Errorf("destroy: %v\n%s", err, out)
		}
	})
	c.must("create", "-t", "busybox", "-f", config)
	return c
}

// inside opens the running container's root.
func (c container) inside() *Root {
	c.t.Helper()
	pid := strings.TrimSpace(c.must("info", "-pH"))
	r, err := OpenRoot("/proc/" + pid + "/root")
	must(c.t, err)
	return r
}

// hasty gives the files of a unit that kills after two seconds: nobody waits for
// the grace of one that is used.
func hasty(t *testing.T, files []File) []File {
	t.Helper()
	for i, f := range files {
		if f.Name != wrapperFile {
			continue
		}
		waits := fmt.Sprintf("\tsleep %d &\n", grace)
		if n := strings.Count(string(f.Data), waits); n != 1 {
			t.Fatalf("the wrapper waits %d times for the grace", n)
		}
		files[i].Data = []byte(strings.ReplaceAll(string(f.Data), waits, "\tsleep 2 &\n"))
		return files
	}
	t.Fatal("no wrapper among the files")
	return nil
}

func TestUnitInARealContainer(t *testing.T) {
	c := busyboxContainer(t)
	rootfs, err := OpenRoot(filepath.Join(c.path, c.name, "rootfs"))
	must(t, err)
	kind, err := DetectInit(rootfs)
	if err != nil || kind != Busybox {
		t.Fatalf("init %q, %v", kind, err)
	}
	unit := Unit{Service: "person", Exec: "sh /person/service", Dir: "/person"}
	must(t, rootfs.WriteFiles(append(Identity(kind, Host{Name: "person", Static: true}), hasty(t, unit.Files(kind))...)))
	must(t, rootfs.Close())

	// It boots, and waits at the gate for what is not there yet.
	c.must("start")
	r := c.inside()
	defer func() { must(t, r.Close()) }()
	c.eventually("the boot is over", func() bool { return c.out() == "" && r.exists("/etc/jarloop/start") })
	if c.out() != "" {
		t.Fatalf("ran before it was ready: %q", c.out())
	}

	set := t.TempDir()
	service := func(script string) {
		must(t, os.WriteFile(filepath.Join(set, "service"), []byte(script), 0o644))
		must(t, os.RemoveAll(filepath.Join(c.reports, "out")))
		must(t, r.CopyTree(t.Context(), set, "/person"))
		must(t, r.WriteFile(ReadyFile, nil, 0o644))
	}
	service("echo in $(pwd) as $(hostname)\nexit 3\n")
	c.eventually("the gate opens", func() bool {
		err := r.OpenGate()
		if err != nil && !errors.Is(err, ErrEarly) {
			t.Fatal(err)
		}
		return err == nil
	})
	c.exits(Exit{"exit-code", "exited", "3"})
	if c.out() != "in /person as "+c.name+"\n" && c.out() != "in /person as person\n" {
		t.Errorf("printed %q", c.out())
	}

	// One runs, however often it is started; it is asked to stop, and what it
	// does then is waited for.
	service("trap 'echo bye; exit 0' TERM\necho up\nsleep 1000 &\nwait\n") // all are asked, the sleep too
	for range 5 {
		c.run(kind.Start())
	}
	c.eventually("it is up", func() bool { return c.out() == "up\n" })
	if _, err := ReadExit(c.reports); !isNotExist(err) {
		t.Errorf("while it runs its exit is %v", err)
	}
	c.run(kind.Stop())
	c.exits(Exit{"success", "exited", "0"})
	if c.out() != "up\nbye\n" {
		t.Errorf("printed %q", c.out())
	}
	c.run(kind.Stop())

	// One that does not listen is killed after its grace.
	service("trap '' TERM\necho up\nwhile :; do sleep 0.1; done\n")
	c.run(kind.Start())
	c.eventually("it is up", func() bool { return c.out() == "up\n" })
	c.run(kind.Stop())
	c.exits(Exit{"timeout", "killed", "KILL"})

	service("kill -SEGV $$\n")
	c.run(kind.Start())
	c.exits(Exit{"signal", "killed", "SEGV"})

	// A reboot starts it by itself, though the last wrapper left its lock.
	service("echo again\nsleep 1000\n")
	c.run(kind.Start())
	c.eventually("it is up", func() bool { return c.out() == "again\n" })
	must(t, r.Close())
	c.must("stop", "-k")
	c.must("start")
	r = c.inside()
	c.eventually("it is up after a boot", func() bool { return c.out() == "again\nagain\n" })
}

func TestOutOfMemoryIsSaid(t *testing.T) {
	c := busyboxContainer(t)
	rootfs, err := OpenRoot(filepath.Join(c.path, c.name, "rootfs"))
	must(t, err)
	unit := Unit{Service: "hungry", Exec: "tail /dev/zero"}
	must(t, rootfs.WriteFiles(append(Identity(Busybox, Host{Name: "hungry", Static: true}), unit.Files(Busybox)...)))
	must(t, rootfs.WriteFile(ReadyFile, nil, 0o644))
	must(t, rootfs.Close())
	key := "lxc.cgroup2.memory.max"
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/sys/fs/cgroup/memory", &fs); err == nil {
		key = "lxc.cgroup.memory.limit_in_bytes"
	}
	config := filepath.Join(c.path, c.name, "config")
	f, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintf(f, "%s = 64M\n", key)
	must(t, err)
	must(t, f.Close())
	c.must("start")
	c.exits(Exit{"oom-kill", "killed", "KILL"})
}
