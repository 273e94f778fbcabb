package guest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommand(t *testing.T) {
	for _, tc := range []struct{ name, line, want string }{
		{"a program and its words stay as they are", "java -jar /a/a.jar server", "java -jar /a/a.jar server"},
		{"a semicolon in quotes ends no command", "nginx -g 'daemon off;'", "nginx -g 'daemon off;'"},
		{"a variable is the shell's to expand", `java $OPTS -jar "$HOME/a b.jar"`, `java $OPTS -jar "$HOME/a b.jar"`},
		{"an exec of the user's own is not doubled", "exec java -jar a.jar", "java -jar a.jar"},
		{"two commands get a shell", "mkdir -p x && java -jar a.jar", "/bin/sh -c 'mkdir -p x && java -jar a.jar'"},
		{"an assignment is no program", "A=1 java", "/bin/sh -c 'A=1 java'"},
		{"a word of the shell is no program", "cd /x", "/bin/sh -c 'cd /x'"},
		{"quotes inside survive", "a; echo 'b'", `/bin/sh -c 'a; echo '\''b'\'''`},
		{"an escaped semicolon ends no command", `find . -exec ls \;`, `find . -exec ls \;`},
		{"lines are commands", "a\nb", "/bin/sh -c 'a\nb'"},
		{"an open quote is left for the shell to complain of", `a "b`, `/bin/sh -c 'a "b'`},
		{"nothing is nothing", " ", "/bin/sh -c ''"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := command(tc.line); got != tc.want {
				t.Errorf("command(%q) = %q, want %q", tc.line, got, tc.want)
			}
		})
	}
}

// runHere runs a unit's command on this machine, with its paths moved to a
// folder of the test, after runs that have printed something.
func runHere(t *testing.T, u Unit, before ...string) string {
	t.Helper()
	dir := t.TempDir()
	body := strings.NewReplacer(Reports, dir).Replace(string(u.Files(Systemd)[0].Data))
	name := filepath.Join(dir, "run")
	if err := os.WriteFile(filepath.Join(dir, "exit"), []byte("of the last run"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "out"), []byte(strings.Join(before, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(body), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("/bin/sh", name).Run(); err != nil {
		t.Logf("run: %v", err)
	}
	out, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "exit")); err == nil {
		t.Error("exit of the run before is still there")
	}
	return string(out)
}

func TestARunBeginsALineOfItsOwn(t *testing.T) {
	for before, want := range map[string]string{"": "hello\n", "a\n": "a\nhello\n", "a\nb": "a\nb\nhello\n", "50%\r": "50%\r\nhello\n"} {
		if got := runHere(t, Unit{Exec: "echo hello"}, before); got != want {
			t.Errorf("after %q it has printed %q, want %q", before, got, want)
		}
	}
}

func TestRunGivesTheServiceItsEnvironment(t *testing.T) {
	hostile := `'; touch /nowhere; echo "$(id)` + "`id`\nx"
	for _, tc := range []struct {
		name string
		unit Unit
		want string
	}{
		{"a value is a value, whatever is in it", Unit{Exec: `printf %s "$A"`, Env: map[string]string{"A": hostile}}, hostile},
		{"it runs in its folder", Unit{Exec: "pwd", Dir: "/usr"}, "/usr\n"},
		{"its errors are in the output too", Unit{Exec: "sh -c 'echo a >&2'"}, "a\n"},
		{"a JVM has no options but the user's", Unit{Exec: `sh -c 'echo "<$JAVA_TOOL_OPTIONS>"'`}, "<>\n"},
		{"a compound command is run by a shell", Unit{Exec: "A=1; echo $A"}, "1\n"},
		{"a program that is not there is said", Unit{Exec: "no-such-program-here"}, "no-such-program-here: not found"},
		{"a folder that is not there is said", Unit{Exec: "echo wrong", Dir: "/no/such"}, "can't cd to /no/such"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := runHere(t, tc.unit); !strings.Contains(got, tc.want) {
				t.Errorf("printed %q, want %q in it", got, tc.want)
			}
		})
	}
}

// ps(1) shows arguments to everybody, and a file may be read by whom its mode lets.
func TestValuesOfTheEnvironmentAreRootsAlone(t *testing.T) {
	const secret = "hunter2"
	unit := Unit{Exec: `sh -c 'cat /proc/$$/cmdline /proc/$PPID/cmdline; cd /; echo "$KEY"'`, Env: map[string]string{"KEY": secret}}
	if got := runHere(t, unit); strings.Count(got, secret) != 1 || !strings.HasSuffix(got, secret+"\n") {
		t.Errorf("printed %q; want the value from the environment alone", got)
	}
	for _, i := range []Init{Systemd, Upstart, Busybox} {
		for _, f := range unit.Files(i) {
			if strings.Contains(string(f.Data), secret) && f.Mode != 0o700 {
				t.Errorf("%s has the value, and the mode %o", f.Name, f.Mode)
			}
		}
	}
	if f := unit.Command(); f.Mode != 0o700 || !strings.Contains(string(f.Data), secret) {
		t.Errorf("%s has the mode %o, and says\n%s", f.Name, f.Mode, f.Data)
	}
}

func TestSystemdAcceptsTheUnit(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	dir := t.TempDir()
	unit := Unit{Service: "front%n end", Exec: "java"}
	for _, f := range unit.Files(Systemd) {
		if filepath.Base(f.Name) != unitName || f.Link != "" {
			continue
		}
		body := strings.NewReplacer(mainFile, "/bin/true", reportFile, "/bin/true").Replace(string(f.Data))
		name := filepath.Join(dir, unitName)
		if err := os.WriteFile(name, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(verify, "verify", "--man=no", name)
		cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":/usr/lib/systemd/system:/lib/systemd/system")
		out, err := cmd.CombinedOutput()
		// What it says of other units of this machine is not ours to mend.
		if err != nil && strings.Contains(string(out), unitName) {
			t.Errorf("verify: %v\n%s\nin:\n%s", err, out, body)
		}
		return
	}
	t.Fatal("no unit among the files")
}

func TestParseExit(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{"success exited 0\n", "exited with status 0"},
		{"exit-code exited 1\n", "exited with status 1"},
		{"exit-code exited 127", "exited with status 127: its command was not found"},
		{"exit-code exited 203", "exited with status 203: the unit cannot be run"},
		{"oom-kill killed KILL\n", "killed by SIGKILL: out of memory"},
		{"signal killed SEGV\n", "killed by SIGSEGV"},
		{"signal killed RTMIN+3\n", "killed by SIGRTMIN+3"},
		{"core-dump dumped ABRT\n", "killed by SIGABRT, with a core dump"},
		{"timeout killed KILL\n", "killed by SIGKILL: it did not stop in time"},
		{"start-limit-hit - -\n", "ended: start limit hit"},
		{"", "error"}, {"success exited", "error"}, {"success  0", "error"},
		{"success exited 0\nsuccess exited 0\n", "error"},
		{"success exited \x1b[2J", "error"}, {"x; exited 1", "error"},
		{strings.Repeat("a", 1000) + " exited 1", "error"},
	} {
		exit, err := ParseExit(tc.line)
		got := exit.String()
		if err != nil {
			got = "error"
			if len(err.Error()) > 250 || strings.ContainsRune(err.Error(), 0x1b) {
				t.Errorf("ParseExit(%q): the error shows it whole: %q", tc.line, err)
			}
		}
		if got != tc.want {
			t.Errorf("ParseExit(%q) = %q (%v), want %q", tc.line, got, err, tc.want)
		}
	}
}

func TestReadExitTakesNothingButAFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "exit")
	if _, err := ReadExit(dir); !isNotExist(err) {
		t.Errorf("of a service that runs: %v, want fs.ErrNotExist", err)
	}
	if err := os.Symlink("/etc/hostname", name); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadExit(dir); !errors.Is(err, ErrIrregular) {
		t.Errorf("of a link: %v, want %v", err, ErrIrregular)
	}
	must(t, os.Remove(name))
	mkfifo(t, name)
	if _, err := ReadExit(dir); !errors.Is(err, ErrIrregular) {
		t.Errorf("of a FIFO: %v, want %v", err, ErrIrregular)
	}
	must(t, os.Remove(name))
	must(t, os.WriteFile(name, []byte("it was good\n"), 0o644))
	if _, err := ReadExit(dir); !errors.Is(err, ErrReport) {
		t.Errorf("of another text: %v, want %v", err, ErrReport)
	}
	if err := os.WriteFile(name, []byte("signal killed SEGV\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if exit, err := ReadExit(dir); err != nil || exit.Result != "signal" || exit.Status != "SEGV" {
		t.Errorf("of a file: %+v, %v", exit, err)
	}
}

// What the files say is what a JVM goes by.
func TestAJVMLooksNamesUpAgainSoon(t *testing.T) {
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("no java here")
	}
	home, err := exec.Command(java, "-XshowSettings:properties", "-version").CombinedOutput()
	_, at, found := strings.Cut(string(home), "java.home = ")
	if at, _, _ = strings.Cut(at, "\n"); err != nil || !found {
		t.Skipf("this java says no home: %v\n%s", err, home)
	}
	security, err := os.ReadFile(filepath.Join(at, "conf/security/java.security"))
	must(t, err)
	for _, kept := range []string{
		"/usr/lib/jvm/java-17/conf/security/java.security", "/usr/lib/jvm/java-8/jre/lib/security/java.security",
		"/opt/java/openjdk/conf/security/java.security", "/usr/local/openjdk-8/lib/security/java.security",
	} {
		t.Run(kept, func(t *testing.T) {
			dir := t.TempDir()
			real := filepath.Join(dir, "etc/security")
			must(t, os.MkdirAll(filepath.Dir(real), 0o755))
			must(t, os.WriteFile(real, security, 0o644))
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, kept)), 0o755))
			must(t, os.Symlink("/etc/security", filepath.Join(dir, kept))) // as Debian's packages have it
			root, err := OpenRoot(dir)
			must(t, err)
			defer root.Close()
			files := root.Java()
			must(t, root.WriteFiles(files))
			if len(files) != 1 || files[0].Name != kept {
				t.Fatalf("files %+v", files)
			}
			if left, err := os.ReadFile(real); err != nil || string(left) != string(security) {
				t.Errorf("what it leads to is changed: %v", err)
			}
			source := filepath.Join(dir, "Ask.java")
			must(t, os.WriteFile(source, []byte(`class Ask { public static void main(String[] a) {
				System.out.println(java.security.Security.getProperty("networkaddress.cache.ttl")
					+ " " + java.security.Security.getProperty("networkaddress.cache.negative.ttl")
					+ " " + (java.security.Security.getProviders().length > 3)); } }`), 0o644))
			out, err := exec.Command(java, "-Djava.security.properties=="+filepath.Join(dir, kept), source).CombinedOutput()
			if err != nil || string(out) != "1 0 true\n" {
				t.Errorf("printed %q, %v; want the times 1 and 0, and all else as it was", out, err)
			}
		})
	}
}

func TestTheJVMsNoteIsToldFromWhatServicesPrint(t *testing.T) {
	note := "Picked up JAVA_TOOL_OPTIONS: " + Debugger(5005)
	for line, want := range map[string]bool{
		note:            true,
		note + " -Dx=y": false,
		note + "x":      false,
		"Picked up JAVA_TOOL_OPTIONS: " + debugger: false,
		"Picked up JAVA_TOOL_OPTIONS: -Dx=y":       false,
		"said: " + note:                            false,
	} {
		if IsJVMNote(line) != want {
			t.Errorf("IsJVMNote(%q) is %v", line, !want)
		}
	}
}
