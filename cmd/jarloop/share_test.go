package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// shared is a configuration of one service, on a base that came in a file.
const shared = `
state = %q
run = %q
[watch]
dir = %q
[lxc]
path = %q
standby = false
%s
[service.web]
base = "web-base"
source = "volume-web"
exec = '''perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die; 1 while $s->accept' '''
port = 8080
`

func TestABaseFromAFileServesAndCanBeEntered(t *testing.T) {
	s := newSystem(t, false)
	file := filepath.Join(s.Dir, "web-base.tar.zst")
	s.sub("a base is exported", func(t *testing.T) {
		out, code := s.verb("base", "export", "web-base", file)
		if code != 0 || !strings.Contains(out, `"message":"exported"`) || !strings.Contains(out, `"message":"exporting"`) {
			t.Fatalf("export exits with %d: %s", code, out)
		}
		if out, code := s.verb("base", "export", "web-base", file); code != 1 || !strings.Contains(out, "the file exists") {
			t.Errorf("once more, it exits with %d: %s", code, out)
		}
	})

	s.LXC = filepath.Join(s.Dir, "lxc") // another machine's
	sample := s.readAt(s.config)
	_, section, found := strings.Cut(sample, "\n[base.web-base]\n")
	if !found {
		t.Fatal("no web-base in the sample's configuration")
	}
	section, _, _ = strings.Cut(section, "\n[")
	s.write(s.config, fmt.Sprintf(shared, filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "run"), s.Host, s.LXC, "[base.web-base]\n"+section))

	s.sub("and imported elsewhere", func(t *testing.T) {
		if out, code := s.verb("base", "import", file); code != 0 || !strings.Contains(out, `"message":"imported"`) {
			t.Fatalf("import exits with %d: %s", code, out)
		}
		if out, code := s.verb("provision"); code != 0 || out != "" {
			t.Errorf("provision exits with %d: %s", code, out)
		}
	})
	if out, code := s.enter("web", "true"); code != 1 || !strings.Contains(out, "no live generation, and no agent is running") {
		t.Errorf("before there is one, enter exits with %d: %s", code, out)
	}

	s.sub("a clone of it serves", func(t *testing.T) {
		if err := os.Mkdir(filepath.Join(s.Share, "volume-web"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.write(filepath.Join(s.Share, "volume-web", "greeting"), "hello\n")
		s.run()
		s.agent.await(0, "live", "web")
	})
	s.sub("and can be entered", s.enterTest)
	if code := s.agent.stop(); code != 0 {
		t.Errorf("the agent left with %d", code)
	}
	s.sub("without an agent, too", s.enterTest)

	if out, err := s.VM(s.ctx, "lxc-stop", "--kill", "-P", s.LXC, "-n", "web-1").CombinedOutput(); err != nil {
		t.Fatalf("stop it: %v: %s", err, out)
	}
	if out, code := s.enter("web", "true"); code != 1 || !strings.Contains(out, "web-1, the live generation of web, is stopped") {
		t.Errorf("stopped, enter exits with %d: %s", code, out)
	}
	if out, code := s.verb("clean", "--bases"); code != 0 || !strings.Contains(out, "removed base web-base-") {
		t.Errorf("clean exits with %d: %s", code, out)
	}
}

func (s *system) enterTest(t *testing.T) {
	if out, code := s.enter("web", "cat", "/web/greeting", "/etc/hostname"); code != 0 || out != "hello\nweb-1\n" {
		t.Errorf("enter exits with %d: %s", code, out)
	}
	out, code := s.enter("web", "sh", "-c", "echo $HOME $container; grep SigIgn /proc/self/status; exit 7")
	mask, found := strings.CutPrefix(out, "/root lxc\nSigIgn:\t")
	ignored, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
	if code != 7 || !found || err != nil {
		t.Errorf("enter exits with %d: %q", code, out)
	}
	const standard = 1<<31 - 1 // those above are libraries' own, and come from whoever runs the tests
	if ignored&standard != 0 {
		t.Errorf("signals are ignored inside: %#x", ignored)
	}
	s.shellTest(t)
}

// shellTest types into a shell, which has a terminal.
func (s *system) shellTest(t *testing.T) {
	cmd := s.VM(s.ctx, "script", "--quiet", "--return", "--command", s.program+" enter web --config "+s.config, "/dev/null")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out []byte
	typed := false
	for one := make([]byte, 1); ; {
		if _, err := stdout.Read(one); err != nil {
			break // it has ended
		}
		out = append(out, one...)
		// Not before it asks: what is typed ahead is thrown away.
		if !typed && bytes.HasSuffix(out, []byte("# ")) {
			typed = true
			if _, err := io.WriteString(stdin, "tty; hostname; exit 3\n"); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // its status is looked at
	for _, want := range []string{"/dev/pts/", "\nweb-1\r"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the shell said no %q: %q", want, out)
		}
	}
	if code := cmd.ProcessState.ExitCode(); code != 3 {
		t.Errorf("the shell exits with %d: %q", code, out)
	}
}

// enter runs a command in a service's live generation.
func (s *system) enter(service string, command ...string) (string, int) {
	s.t.Helper()
	return s.enterAny(append([]string{service, "--"}, command...)...)
}

// enterAny runs the verb, whose configuration comes first, since what stands
// behind -- is a command's.
func (s *system) enterAny(args ...string) (string, int) {
	s.t.Helper()
	cmd := s.VM(s.ctx, append([]string{s.program, "enter", "--config", s.config}, args...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
