package enginetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"al.essio.dev/pkg/shellescape"

	"github.com/jarloop/jarloop/deployer"
)

func shell(script string) deployer.Command { return deployer.Command{Line: script} }

// words quotes each for the shell.
func words(all []string) string {
	var quoted []string
	for _, w := range all {
		quoted = append(quoted, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(quoted, " ")
}

// Shell gives services that a shell with the usual programs runs; Serve needs busybox's
// httpd or perl.
func Shell() Services {
	return Services{
		Serve: func(port uint16) deployer.Command {
			return shell(fmt.Sprintf("echo up; ! command -v httpd || exec httpd -f -p %[1]d -h /srv; exec perl -MIO::Socket::INET -e '"+
				"$s = IO::Socket::INET->new(LocalPort => %[1]d, Listen => 9) or die; push @kept, $_ while $_ = $s->accept'", port))
		},
		Exit: func(status int) deployer.Command { return shell(fmt.Sprintf("echo up; exit %d", status)) },
		Deaf: func() deployer.Command { return shell("trap '' TERM; echo up; while :; do sleep 1; done") },
		Parent: func() deployer.Command {
			return shell(`sh -c 'trap "trap \"\" TERM; sleep 0.5; echo asked; exit" TERM; echo up; sleep 1000 & wait' & wait`)
		},
		Print: func(lines ...string) deployer.Command {
			return shell("for line in " + words(append(lines, "up")) + `; do printf "%s\n" "$line"; done; exec sleep 1000`)
		},
		Append: func(file string, lines ...string) deployer.Command {
			return shell("mkdir -p " + words([]string{filepath.Dir(file)}) + "; for line in " + words(lines) +
				`; do printf "%s\n" "$line" >>` + words([]string{file}) + "; done; echo up; exec sleep 1000")
		},
		Take: func() deployer.Command {
			return shell(`echo up; exec awk 'BEGIN { s = "x"; while (1) s = s s }'`)
		},
		Map: func(file string) deployer.Command {
			return shell("cp " + target + "/map /tmp/map && chmod 755 /tmp/map && exec /tmp/map " + words([]string{file}))
		},
		Show: func(variable string) deployer.Command {
			return shell(fmt.Sprintf(`printf "%%s\n" "$%s"; pwd; echo up; exec sleep 1000`, variable))
		},
	}
}

// Mapper gives the program that Shell's Map runs.
func Mapper(t *testing.T) string {
	t.Helper()
	text, err := buildMapper()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var buildMapper = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "enginetest-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "map")
	build := exec.Command("go", "build", "-o", file, "github.com/jarloop/jarloop/deployer/enginetest/testdata/map")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=") // static, and without the race detector
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build what maps files: %w: %s", err, out)
	}
	text, err := os.ReadFile(file)
	return string(text), err
})

// ShellCommands gives commands of such a guest.
func ShellCommands() Commands {
	return Commands{
		Write: func(file, text string) []string {
			return []string{"sh", "-c", "echo " + shellescape.Quote(text) + " >" + shellescape.Quote(file)}
		},
		Say:  func(text string) []string { return []string{"echo", text} },
		Copy: func(from, to string) []string { return []string{"cp", from, to} },
		Interfaces: func(file string) []string {
			return []string{"sh", "-c", "sed -n 's/^ *\\([^ :]*\\):.*/\\1/p' /proc/net/dev >" + shellescape.Quote(file)}
		},
		TakeMore: func() []string { return []string{"awk", `BEGIN { s = "x"; while (1) s = s s }`} },
		Fill: func(file string) []string {
			return []string{"sh", "-c", "exec cat /dev/zero >" + shellescape.Quote(file)}
		},
		FailBy: func(status int) []string { return []string{"sh", "-c", fmt.Sprintf("echo failed; exit %d", status)} },
		Sleep:  func() []string { return []string{"sleep", "1000"} },
		Listen: func(port uint16) []string {
			return []string{"/bin/sh", "-c", fmt.Sprintf("if command -v httpd; then httpd -p %[1]d -h /srv; else perl -MIO::Socket::INET -e '"+
				"$s = IO::Socket::INET->new(LocalPort => %[1]d, Listen => 9) or die; exit if fork; sleep 1000'; fi", port)}
		},
	}
}
