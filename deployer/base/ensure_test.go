package base

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEnsureBuildsOnceAndBesideWhatIsThere(t *testing.T) {
	b := builder(t)
	var mu sync.Mutex
	var steps []string
	b.Progress = func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Line == "" {
			steps = append(steps, p.Step)
		} else if p.Line == "said inside" && p.Base == "jlt-base-bb" && p.Elapsed > 0 {
			steps = append(steps, "line")
		}
	}
	first := ensure(t, b, busybox("echo said inside; echo made > /made"))
	if got, want := strings.Join(steps, "\n"), strings.Join([]string{
		"create from the template busybox", "shape", "run 1 of 1: echo said inside; echo made > /made",
		"line", "trim", "write it to disk",
	}, "\n"); got != want {
		t.Errorf("steps:\n%s\nwant:\n%s", got, want)
	}
	if text, err := os.ReadFile(filepath.Join(b.Path, first, "rootfs/made")); string(text) != "made\n" {
		t.Errorf("the run line's file: %q, %v", text, err)
	}
	if config := command(t, "lxc-info", "-P", b.Path, "-n", first, "-c", "lxc.net.0.type"); !strings.Contains(config, "empty") {
		t.Errorf("liblxc reads: %s", config)
	}

	b.Progress = func(p Progress) { t.Errorf("ensure again does something: %+v", p) }
	again, built, err := b.Ensure(t.Context(), busybox("echo said inside; echo made > /made"))
	if again != first || built || err != nil {
		t.Errorf("ensure again: %s, %v, %v", again, built, err)
	}

	var estimate time.Duration
	b.Progress = func(p Progress) { estimate = p.Estimate }
	second := ensure(t, b, busybox("true"))
	if estimate == 0 {
		t.Error("a second build of the name had no estimate")
	}
	bases, err := b.List(t.Context())
	if i := slices.IndexFunc(bases, func(b Base) bool { return b.Container == first }); err != nil || len(bases) != 2 ||
		i < 0 || !bases[i].Complete || bases[i].Took != estimate {
		t.Errorf("with both: %+v, %v", bases, err)
	}
	for range 2 { // gone already is no error
		if err := b.Remove(t.Context(), first); err != nil {
			t.Error(err)
		}
	}
	if bases, err = b.List(t.Context()); err != nil || len(bases) != 1 || bases[0].Container != second {
		t.Errorf("after the removal of the first: %+v, %v", bases, err)
	}
}

func TestRunLinesSeeASmallWorldThatEndsWithThem(t *testing.T) {
	b := builder(t)
	t.Setenv("SECRET_OF_THE_AGENT", "x")
	const lasting = "86399" // seconds; a number that nobody else sleeps for
	container := ensure(t, b, busybox(
		`[ -z "$SECRET_OF_THE_AGENT" ]`,
		`echo x > /dev/null && [ -c /dev/null ] && [ ! -e /dev/vda ] && [ ! -e /dev/kmsg ]`,
		`[ -d /proc/self ] && touch /run/gone /tmp/gone`,
		`for d in /tmp /dev/shm /run/lock; do [ "$(stat -c %a $d)" = 1777 ] || exit 1; done`, // for every user
		`grep -q '^tmpfs /dev/shm tmpfs ' /proc/mounts`,
		`grep -q . /etc/resolv.conf`, // names can be looked up
		`umask | grep 022`,
		`sleep `+lasting+` & echo 'it'"'"'s; "$(quoted)"' > "/a  b"`,
	))
	root := filepath.Join(b.Path, container, "rootfs")
	if text, err := os.ReadFile(root + "/a  b"); string(text) != "it's; \"$(quoted)\"\n" {
		t.Errorf("quotes: %q, %v", text, err)
	}
	for _, gone := range []string{"run/gone", "tmp/gone", "dev/null", "etc/resolv.conf", "proc/self"} {
		if _, err := os.Lstat(filepath.Join(root, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	if n := processes(t, lasting); n != 0 {
		t.Errorf("%d processes of the run line are left", n)
	}
	if mounts := command(t, "cat", "/proc/self/mountinfo"); strings.Contains(mounts, b.Path) {
		t.Error("a mount is left below", b.Path)
	}
}

func TestATemplateKeepsTheFilesThatItsConfigurationNames(t *testing.T) {
	b := builder(t)
	template := filepath.Join(t.TempDir(), "lxc-test")
	writeFile(t, template, `#!/bin/sh
for a; do case $a in --path=*) path=${a#--path=};; esac; done
echo "tmpfs tmp tmpfs defaults 0 0" > $path/fstab
echo "lxc.mount.fstab = $path/fstab" >> $path/config
exec /usr/share/lxc/templates/lxc-busybox "$@"
`, 0o755)
	dir := filepath.Join(b.Path, ensure(t, b, Recipe{Name: "jlt-base-fstab", Template: template}))
	file := strings.TrimSpace(strings.TrimPrefix(command(t, "lxc-info", "-P", b.Path, "-n", filepath.Base(dir), "-H", "-c", "lxc.mount.fstab"), "lxc.mount.fstab = "))
	if text, err := os.ReadFile(file); !strings.HasPrefix(file, dir) || string(text) != "tmpfs tmp tmpfs defaults 0 0\n" {
		t.Errorf("%s: %q, %v", file, text, err)
	}
	if err := b.Remove(t.Context(), filepath.Base(dir)); err != nil {
		t.Error(err)
	}
	wantEmpty(t, b.Path)
}

func TestABuildThatFailsLeavesNothingAndSaysWhy(t *testing.T) {
	debian := Recipe{Name: "jlt-base-deb", Distribution: "debian:bookworm"}
	for _, test := range []struct {
		name   string
		tool   string // a program for the PATH, and its text
		text   string
		recipe Recipe
		want   []string
	}{
		{"a run line fails", "", "", busybox("echo all is well", "echo no luck; exit 3"),
			[]string{"build base jlt-base-bb-", `run "echo no luck; exit 3": exit status 3`, "\n    no luck"}},
		{"the template is not there", "", "", Recipe{Name: "jlt-base-x", Template: "nosuch"},
			[]string{"lxc-create with the template nosuch", "exit status 1", `"nosuch" not found`}},
		{"packages where there is no apt", "", "", Recipe{Name: "jlt-base-x", Template: "busybox", Packages: []string{"curl"}},
			[]string{"apt-get, which this template's system does not have"}},
		{"mmdebstrap fails with half a root", "mmdebstrap",
			"for root; do :; done\nmkdir -p $root/usr/lib\necho x > $root/usr/lib/half\necho E: no luck\nexit 25\n", debian,
			[]string{"mmdebstrap debian:bookworm: exit status 25", "\n    E: no luck"}},
		{"the host lacks the distribution's keys", "mmdebstrap",
			"echo 'W: GPG error: NO_PUBKEY 871920D1991BC93C'\nexit 25\n", debian,
			[]string{"apt-get install debian-archive-keyring", "NO_PUBKEY"}},
		{"mmdebstrap kills itself", "mmdebstrap", "kill -9 $$\n", debian, []string{"exit status 137"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := builder(t)
			if test.tool != "" {
				script(t, test.tool, test.text)
			}
			container, built, err := b.Ensure(deadline(t, time.Minute), test.recipe)
			if err == nil || container != "" || built {
				t.Fatalf("got %q, %v, %v", container, built, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
			wantEmpty(t, b.Path)
		})
	}
}

func TestAMissingToolIsNamedWithItsPackage(t *testing.T) {
	b := builder(t)
	t.Setenv("PATH", t.TempDir())
	_, _, err := b.Ensure(t.Context(), Recipe{Name: "jlt-base-deb", Distribution: "debian:bookworm"})
	if err == nil || !strings.Contains(err.Error(), "mmdebstrap is not installed: apt-get install mmdebstrap") {
		t.Errorf("got %v", err)
	}
	wantEmpty(t, b.Path)
}

// hang is a tool that starts something that hangs, beyond its own reach, and
// hangs itself. Its last line says so.
const hang = "setsid sleep 86398 >/dev/null 2>&1 &\nfor root; do :; done\necho x > $root.half\necho hanging\nsleep 86398\n"

func TestABuildIsKilledWithAllThatItStarted(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(b *Store, cancel context.CancelCauseFunc) // before it hangs
		then func(cancel context.CancelCauseFunc)           // when it hangs
		want string
	}{
		{"when its context ends", nil, func(cancel context.CancelCauseFunc) { cancel(errors.New("Ctrl-C")) }, "killed: Ctrl-C"},
		{"at its deadline", func(b *Store, _ context.CancelCauseFunc) { b.Timeout = 500 * time.Millisecond }, nil, "not done after 500ms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := builder(t)
			script(t, "mmdebstrap", hang)
			ctx, cancel := context.WithCancelCause(deadline(t, time.Minute))
			defer cancel(nil)
			if test.stop != nil {
				test.stop(b, cancel)
			}
			hung := false
			b.Progress = func(p Progress) {
				if p.Line == "hanging" {
					hung = true
					if test.then != nil {
						test.then(cancel)
					}
				}
			}
			_, _, err := b.Ensure(ctx, Recipe{Name: "jlt-base-deb", Distribution: "debian:bookworm"})
			if !hung || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("hung %v: got %v", hung, err)
			}
			if n := processes(t, "86398"); n != 0 {
				t.Errorf("%d processes are left", n)
			}
			wantEmpty(t, b.Path)
		})
	}
}

func TestOfTwoBuildersOneBuildsAndTheOtherWaits(t *testing.T) {
	b := builder(t)
	var wg sync.WaitGroup
	var built [3]bool
	var errs [3]error
	for i := range built {
		wg.Go(func() { _, built[i], errs[i] = b.Ensure(deadline(t, time.Minute), busybox("true")) })
	}
	wg.Wait()
	n := 0
	for i := range built {
		if errs[i] != nil {
			t.Error(errs[i])
		}
		if built[i] {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of %d built it", n, len(built))
	}
	if locks, _ := filepath.Glob(filepath.Join(b.Path, ".*")); len(locks) != 0 {
		t.Errorf("left: %v", locks)
	}
}

func TestTheWaitForAnotherBuilderEndsWithItsContext(t *testing.T) {
	b := builder(t)
	r := busybox("true")
	unlock, err := lock(t.Context(), b.folder(r.Container()), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancelCause(t.Context())
	b.Progress = func(p Progress) {
		if p.Step == "wait for another build of it" {
			cancel(errors.New("enough"))
		}
	}
	if _, _, err := b.Ensure(ctx, r); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("got %v", err)
	}
}

func TestABuilderThatIsKilledLeavesWhatTheNextOneReplaces(t *testing.T) {
	b := builder(t)
	hold := filepath.Join(t.TempDir(), "hold")
	template := filepath.Join(t.TempDir(), "lxc-test")
	writeFile(t, hold, "", 0o644)
	writeFile(t, template, `#!/bin/sh
if [ -e `+hold+` ]; then
	for a; do case $a in --rootfs=*) root=${a#--rootfs=};; esac; done
	mkdir -p $root/half
	setsid sleep 86397 >/dev/null 2>&1 &
	sleep 86397
fi
exec /usr/share/lxc/templates/lxc-busybox "$@"
`, 0o755)
	r := Recipe{Name: "jlt-base-killed", Template: template}
	dir := filepath.Join(b.Path, r.Container())

	text, err := json.Marshal(childBuild{b.Path, r})
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), builderEnv+"="+string(text))
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the build hangs", func() bool { return onDisk(filepath.Join(dir, "rootfs/half")) && processes(t, "86397") >= 2 })
	if bases, err := b.List(t.Context()); err != nil || len(bases) != 1 || bases[0].Complete {
		t.Errorf("while it is built: %+v, %v", bases, err)
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	until(t, "its tools end with it", func() bool { return processes(t, "86397") == 0 })
	if !onDisk(filepath.Join(dir, "rootfs/half")) {
		t.Fatal("nothing half is left: the test has proved nothing")
	}

	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	ensure(t, b, r)
	if onDisk(filepath.Join(dir, "rootfs/half")) || !ready(dir, r.Hash()) {
		t.Error("the half base was not replaced")
	}
}

func writeFile(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}
