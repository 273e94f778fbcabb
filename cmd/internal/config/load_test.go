package config

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "config.toml"), filepath.Join(dir, "etc.toml")
	write(t, second, "")
	if got, err := find([]string{first, second}); err != nil || got != second {
		t.Errorf("with only the second there: %q, %v", got, err)
	}
	write(t, first, "")
	if got, err := find([]string{first, second}); err != nil || got != first {
		t.Errorf("with both there: %q, %v", got, err)
	}
	if got, err := Find("other.toml"); err != nil || got != "other.toml" {
		t.Errorf("with an explicit one: %q, %v", got, err)
	}
}

func TestFindSaysWhereItLooked(t *testing.T) {
	_, err := find([]string{"/nowhere/config.toml", "/nowhere/else.toml"})
	want := `/nowhere/config.toml: no configuration here, nor at /nowhere/else.toml; ` +
		`write one with jarloop init, copy the config.toml that comes with jarloop, or name one with --config FILE`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	wellFormed(t, "/nowhere/config.toml", err)
}

func TestLoadReadsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	write(t, path, "[service.web]\nport = 8080\n")
	c, err := Load(path)
	if err != nil || c.Service("web").Port != 8080 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.toml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large.toml")
	write(t, large, strings.Repeat("#", maxBytes+1))
	loop := filepath.Join(dir, "loop.toml")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, want string
		cause            error
	}{
		{"a file that is not there", filepath.Join(dir, "none.toml"),
			`: read configuration: no such file or directory; write one with jarloop init, copy the config.toml that comes with jarloop, or name another with --config FILE`, fs.ErrNotExist},
		{"a folder", dir, ": read configuration: not a regular file; name a TOML file with --config FILE", nil},
		{"a pipe, without waiting for its writer", pipe, ": read configuration: not a regular file; name a TOML file with --config FILE", nil},
		{"a link to itself", loop, ": read configuration: too many levels of symbolic links; check --config and the permissions", syscall.ELOOP},
		{"a file that is no configuration by its size", large, ": larger than 1MiB; this is no configuration", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.path)
			if err == nil || err.Error() != c.path+c.want {
				t.Fatalf("got  %v\nwant %s", err, c.path+c.want)
			}
			if !errors.Is(err, c.cause) && c.cause != nil {
				t.Errorf("errors.Is(err, %v) is false", c.cause)
			}
			wellFormed(t, c.path, err)
		})
	}
}

func TestAHopelessFileGivesABoundedAnswer(t *testing.T) {
	for _, c := range []struct{ name, toml string }{
		{"of a table as deep as the file", "[" + strings.Repeat("a.", maxBytes/2-8) + "a]\n"},
		{"of a key as deep as the file", strings.Repeat("a.", maxBytes/2-8) + "a = 1\n"},
		{"of lists in lists", "a = " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000)},
		{"of braces in braces", "a = " + strings.Repeat("{b = ", 9000) + "1" + strings.Repeat("}", 9000)},
		{"of needs that nobody has", "[service.web]\nport = 1\nneeds = [" + strings.Repeat(`"x",`, maxBytes/5) + "]"},
		{"of services that need themselves", func() string {
			var b strings.Builder
			for i := 0; b.Len() < maxBytes/8; i++ {
				name := "s" + strings.Repeat("x", i%20) + string(rune('a'+i%26)) + "-" + strings.Repeat("y", i/520)
				b.WriteString("[service.\"" + name + "y\"]\nneeds = [\"" + name + "\"]\n")
			}
			return b.String()
		}()},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			_, err := Parse("config.toml", []byte(c.toml))
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if err == nil {
				t.Fatal("was accepted")
			}
			wellFormed(t, "config.toml", err)
			if lines := strings.Count(err.Error(), "\n"); lines > maxProblems {
				t.Errorf("the error has %d lines", lines)
			}
		})
	}
}

func TestManyProblemsAreCounted(t *testing.T) {
	_, err := Parse("config.toml", []byte(strings.Repeat("[[publish]]\nto = 0\n", 20)+"[service.web]\nport = 1\n"))
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != maxProblems || e.More != 60-maxProblems {
		t.Fatalf("got %v", err)
	}
	if !strings.HasSuffix(err.Error(), "\nconfig.toml: and 20 more") {
		t.Errorf("the last line does not count the rest: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzParse(f *testing.F) {
	if data, err := os.ReadFile("../../../config.toml"); err == nil {
		f.Add(data)
	}
	for _, seed := range []string{
		sample, "", "[service.a]\n", "[service.a]\nartefacts = false\nexec = \"a\"\nknows = [\"a\", \"b\"]\n[external.b]\naddress = \"10.0.2.2:1\"\n", "\xff\xfe", "[a]\n[a]\n", "\"a\\n\" = 1\n[\"a\\n\".b]\n", "a = {b = [{c = 1}, [2]]}", "[[service]]",
		"[service.\"x\\u001b\"]\nport = 1\nneeds = [\"\\u0007\"]\n", "[[publish]]\n[publish.x]\n", "[service.web-1]\n",
		"service.a = {port = 1, needs = [\"b\"]}\nservice.b = {port = 2, needs = [\"a\"]}\n",
		"[service.\"a\u202eb\"]\nport = 1\n[service.\"../x\"]\nport = 2\n[service.\"-rf\"]\nport = 3\n",
		"[service.a]\nport = 1\ntarget = \"/a/../../etc\"\nsource = \"../../etc\"\n", "a.\u2028 = 1\n", "\xc2\x9b = 1",
		"[lxc]\nrange = \"10.0.3.1-10.0.3.2\"\n[service.a]\nport = 1\nhealth = {path = \"/\\u0085\"}\n",
	} {
		f.Add([]byte(seed))
	}
	for _, data := range tomlCases(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.toml", data)
		if err != nil {
			wellFormed(t, "f.toml", err)
			return
		}
		if len(c.Services) == 0 || len(c.Order()) != len(c.Services) {
			t.Errorf("%d services in the order %v", len(c.Services), c.Order())
		}
		for _, s := range c.Services {
			if c.Base(s.Base) == nil || s.Artefacts && (!within(s.Source, c.Watch.Dir) || s.Target == "") || !s.Artefacts && s.Exec == "" {
				t.Errorf("service is not resolved: %+v", s)
			}
			if strings.ContainsAny(s.Name, "/.\\ \t\n'\"$;") || s.Name[0] == '-' || s.Artefacts && (!path.IsAbs(s.Target) || path.Clean(s.Target) != s.Target) {
				t.Errorf("service %q at %q is taken", s.Name, s.Target)
			}
			for _, need := range slices.Concat(s.Needs, s.Knows) {
				if c.Service(need) == nil && c.External(need) == nil {
					t.Errorf("%s needs %s, which there is not", s.Name, need)
				}
			}
			c.Runs(s.Name)
		}
	})
}
