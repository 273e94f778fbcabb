package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestThePackageHoldsAllThatIsNeeded makes the Debian package for this machine
// and looks into it.
func TestThePackageHoldsAllThatIsNeeded(t *testing.T) {
	dir, file := t.TempDir(), debianPackage(t)
	if got := strings.Fields(tool(t, "dpkg-deb", "--field", file, "Package", "Version")); strings.Join(got, " ") != "Package: jarloop Version: 1.2.3.4" {
		t.Errorf("it says of itself: %q", got)
	}
	depends := tool(t, "dpkg-deb", "--field", file, "Depends")
	for _, want := range []string{"liblxc1", "lxc | lxc-utils", "iptables", "rsync", "mmdebstrap"} {
		if !strings.Contains(", "+strings.TrimSpace(depends)+",", ", "+want+",") {
			t.Errorf("it does not depend on %s: %s", want, depends)
		}
	}

	root := filepath.Join(dir, "root")
	tool(t, "dpkg-deb", "--extract", file, root)
	if got := tool(t, filepath.Join(root, "usr/bin/jarloop"), "version"); got != "jarloop v1.2.3-4\n" {
		t.Errorf("the program says %q", got)
	}
	if info, err := os.Stat(filepath.Join(root, "usr/lib/jarloop/guest")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the program for containers of a cluster: %v, %v", info, err)
	}
	for name, want := range map[string]string{
		"usr/lib/systemd/system/jarloop.service":           "ExecStart=/usr/bin/jarloop run --config /etc/jarloop/config.toml\n",
		"usr/share/doc/jarloop/examples/config.toml":       "[service.frontend]",
		"usr/share/bash-completion/completions/jarloop":    "complete -o default",
		"usr/share/zsh/vendor-completions/_jarloop":        "#compdef jarloop\n",
		"usr/share/fish/vendor_completions.d/jarloop.fish": "complete -c jarloop",
		"usr/share/doc/jarloop/README.md":                  "# jarloop\n",
		"usr/share/doc/jarloop/FAULTS.md":                  "# Faults",
		"usr/share/doc/jarloop/docs/run.svg":               "<svg ",
		"usr/share/doc/jarloop/docs/shapes/quarkus.md":     "# Quarkus",
	} {
		if text, err := os.ReadFile(filepath.Join(root, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: no %q in it, %v", name, want, err)
		}
	}
	// A page for each verb that is not hidden.
	for _, c := range append(newRoot().Commands(), newRoot()) {
		page := strings.ReplaceAll(c.CommandPath(), " ", "-")
		if text := pageOf(t, root, page); !c.Hidden && !strings.Contains(text, c.Short) {
			t.Errorf("the page of %s: %q", page, text)
		} else if c.Hidden && text != "" {
			t.Errorf("a page of %s", page)
		}
	}
	// The configuration is the machine's own.
	if left, err := os.ReadDir(filepath.Join(root, "etc/jarloop")); err != nil || len(left) > 0 {
		t.Errorf("in /etc/jarloop: %v, %v", left, err)
	}
	control := filepath.Join(dir, "control")
	tool(t, "dpkg-deb", "--control", file, control)
	script, err := os.ReadFile(filepath.Join(control, "postinst"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(script)) {
		command := strings.TrimSpace(line)
		if strings.HasPrefix(command, "systemctl enable") || strings.HasPrefix(command, "systemctl start") || strings.HasPrefix(command, "systemctl restart") {
			t.Errorf("installing it does more than that: %s", command)
		}
	}
}

// debianPackage makes the package for this machine, with an environment around it
// that is about something else.
func debianPackage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("ARCH", "riscv64")
	t.Setenv("PREFIX", "/elsewhere")
	made := strings.TrimSpace(tool(t, "make", "-C", "../..", "--no-print-directory", "deb", "VERSION=v1.2.3-4", "OUT="+dir))
	return filepath.Join(dir, filepath.Base(made[strings.LastIndex(made, "\n")+1:]))
}

// aside runs the rest of a script on a copy of this machine's files that goes with
// it. There systemd seems to run, and notes what it is asked.
const aside = `
cd "$1"
mount -t tmpfs tmpfs .
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
mount -t proc proc root/proc
mkdir -p root/run/systemd/system
cat >root/usr/local/sbin/systemctl <<'END'
#!/bin/sh
echo "systemctl $*" >>/asked
case $1 in enable | disable) SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl "$1" jarloop.service ;; esac
END
chmod 755 root/usr/local/sbin/systemctl
cp "$2" root/jarloop.deb
printf %s "$3" >root/script
exec env -i PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C chroot root sh -eu /script 2>&1
`

// TestThePackageGoesAndSaysWhatIsLeft has dpkg install, upgrade, remove and purge it.
func TestThePackageGoesAndSaysWhatIsLeft(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("dpkg needs root")
	}
	got := tool(t, "unshare", "--mount", "--propagation", "private", "sh", "-euc", aside, "sh", t.TempDir(), debianPackage(t), `
rm -rf /var/lib/jarloop /etc/jarloop /var/lib/lxc
dpkg() { echo "# dpkg $1"; command dpkg --force-depends --force-confnew "$@" >/said 2>&1 || { cat /said; exit 1; }; grep '^jarloop:\|^    ' /said || true; }
there() { for f; do if [ -e "$f" ] || [ -h "$f" ]; then echo "there: $f"; fi; done; }
wanted=/etc/systemd/system/multi-user.target.wants/jarloop.service
dpkg --install /jarloop.deb
touch /etc/jarloop/config.toml
systemctl enable jarloop.service 2>/dev/null
mkdir -p /var/lib/jarloop/data /var/lib/lxc/frontend-8 /var/lib/lxc/other
touch /var/lib/lxc/frontend-8/jarloop.json
dpkg --install /jarloop.deb
there $wanted
dpkg --remove jarloop
there $wanted /etc/jarloop/config.toml
dpkg --purge jarloop
there /etc/jarloop /var/lib/jarloop/data /var/lib/lxc/frontend-8
dpkg --install /jarloop.deb
rm -rf /var/lib/jarloop/data /var/lib/lxc/frontend-8
dpkg --purge jarloop
there /etc/jarloop /var/lib/jarloop
echo "# asked"
grep -v daemon-reload /asked
`)
	want := `# dpkg --install
jarloop: write a configuration by jarloop init /host -o /etc/jarloop/config.toml, or copy /usr/share/doc/jarloop/examples/config.toml there and edit it, then: systemctl enable --now jarloop
# dpkg --install
jarloop: this version runs after: systemctl restart jarloop (services go on meanwhile)
there: /etc/systemd/system/multi-user.target.wants/jarloop.service
# dpkg --remove
jarloop: its containers go on: frontend-8
jarloop: files, output and data of services are left in /var/lib/jarloop
jarloop: to remove them, install it again and run: jarloop clean --bases
there: /etc/jarloop/config.toml
# dpkg --purge
jarloop: its containers go on: frontend-8
jarloop: files, output and data of services are left in /var/lib/jarloop
jarloop: nothing removes them by itself now; to do it by hand:
    for c in frontend-8; do lxc-destroy --force --name $c; done
    rm -r /var/lib/jarloop
there: /var/lib/jarloop/data
there: /var/lib/lxc/frontend-8
# dpkg --install
jarloop: write a configuration by jarloop init /host -o /etc/jarloop/config.toml, or copy /usr/share/doc/jarloop/examples/config.toml there and edit it, then: systemctl enable --now jarloop
# dpkg --purge
# asked
systemctl enable jarloop.service
systemctl --quiet is-active jarloop
systemctl disable --now jarloop.service
systemctl disable --now jarloop.service
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// pageOf gives a page of the manual as its source has it, on one line.
func pageOf(t *testing.T, root, name string) string {
	t.Helper()
	file := filepath.Join(root, "usr/share/man/man1", name+".1.gz")
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return strings.ReplaceAll(tool(t, "gzip", "--decompress", "--stdout", file), `\-`, "-")
}

// tool runs a command and gives what it prints.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// TestTheUnitIsNoMoreExposedThanItSays has systemd judge the unit, and compares
// that with what the unit's comment says. Another version of systemd judges
// otherwise.
func TestTheUnitIsNoMoreExposedThanItSays(t *testing.T) {
	unit := filepath.Join("..", "..", "packaging", "jarloop.service")
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`systemd-analyze security \((\d+)\) calls it (\d+\.\d)`).FindStringSubmatch(string(text))
	if said == nil {
		t.Fatalf("%s does not say how exposed it is", unit)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	if version := tool(t, analyze, "--version"); !strings.HasPrefix(version, "systemd "+said[1]+" ") {
		t.Skipf("what the unit says is of systemd %s", said[1])
	}
	judged := regexp.MustCompile(`Overall exposure level for jarloop.service: (\d+\.\d)`).
		FindStringSubmatch(tool(t, analyze, "security", "--offline=true", "--no-pager", unit))
	if len(judged) != 2 || judged[1] != said[2] {
		t.Errorf("systemd says %q, and the unit's comment %q", judged, said)
	}
}

// TestTheUnitIsOneThatSystemdTakes has systemd read the unit, and the program what
// it is called with.
func TestTheUnitIsOneThatSystemdTakes(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	program, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../packaging/jarloop.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "jarloop.service")
	text = bytes.ReplaceAll(text, []byte("/usr/local/bin/jarloop"), []byte(program))
	if err := os.WriteFile(unit, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd says: %v: %s", err, out)
	}
	calls := regexp.MustCompile(`(?m)^Exec(?:Start|StopPost)=(.+)$`).FindAllSubmatch(text, -1)
	if len(calls) != 2 {
		t.Fatalf("%d calls, want 2", len(calls))
	}
	for _, call := range calls {
		words := strings.Fields(string(call[1]))
		tool(t, words[0], append(words[1:], "--help")...)
	}
}
