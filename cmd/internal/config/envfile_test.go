package config

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAFileOfSettings(t *testing.T) {
	got, err := parseEnv("a.env", []byte("\uFEFF# a comment, and an empty line\r\n\r\n"+`PLAIN=a b
export EXPORTED=1
  INDENTED=2
EMPTY=
NONE= # nothing
COMMENT=a#b # c
HASH=#a
SPACES=   a  	
DOLLAR=$PLAIN${PLAIN}\n
APOSTROPHE=it's
EQUALS=a=b=
SINGLE='a # $b \n "c"' # comment
DOUBLE="a # \"b\" \\ \$ \t\n 'c'"
LINES="one
two"
KEY='-----BEGIN-----
AbC+/=
'
_LAST=é`))
	if err != nil {
		t.Fatal(err)
	}
	want := Variables{
		"PLAIN": "a b", "EXPORTED": "1", "INDENTED": "2", "EMPTY": "", "NONE": "", "COMMENT": "a#b", "HASH": "#a",
		"SPACES": "a", "DOLLAR": `$PLAIN${PLAIN}\n`, "APOSTROPHE": "it's", "EQUALS": "a=b=",
		"SINGLE": `a # $b \n "c"`, "DOUBLE": "a # \"b\" \\ $ \t\n 'c'", "LINES": "one\ntwo",
		"KEY": "-----BEGIN-----\nAbC+/=\n", "_LAST": "é",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAWrongFileOfSettings(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no assignment":         {"A=1\nhunter2\n", `a.env:2:1: no "="; write NAME=value, and a value of several lines in quotes`},
		"a space":               {"A = hunter2", `a.env:1:1: a space before "="; write NAME=value`},
		"no name":               {"=hunter2", `a.env:1:1: what stands before "=" is not the name of a variable; use letters, digits and _ (Spring and Quarkus read A_B for a.b)`},
		"a name with dots":      {"spring.x=hunter2", `a.env:1:1: what stands before "=" is not the name of a variable; use letters, digits and _ (Spring and Quarkus read A_B for a.b)`},
		"a rest of a value":     {"A=1\n  hunter2+/==", `a.env:2:3: what stands before "=" is not the name of a variable; use letters, digits and _ (Spring and Quarkus read A_B for a.b)`},
		"a name given twice":    {"A=1\nB=2\nA=hunter2", `a.env:3:1: A: given twice, first on line 1; keep one of them`},
		"a line that goes on":   {"A=hunter2\\\nB=1", `a.env:1:1: A: ends in a backslash, which does not join lines here; put a value of several lines in quotes`},
		"a quote left open":     {"A='hunter2\nB=1", `a.env:1:1: A: the value is not closed; end it with the ' that it begins with`},
		"a backslash at an end": {`A="hunter2\`, `a.env:1:1: A: the value is not closed; end it with the " that it begins with`},
		"a path of Windows":     {`A="C:\hunter2"`, `a.env:1:1: A: a backslash before another character than n, t, ", \ and $; write \\, or put the value in single quotes`},
		"more after the quote":  {`A="hunter2"x`, `a.env:1:1: A: something follows the closing quote; take it out, or put a backslash before a quote that is meant`},
		"a control character":   {"A=hunter2\x1b", `a.env:1:1: A: contains the control character U+001B; remove it`},
		"a value too long":      {"A=" + strings.Repeat("hunter2", 20000), `a.env:1:1: A: is longer than the 128 KiB that a process can be given; put it into a file`},
		"two of them":           {"hunter2\nB\n", "a.env:1:1: no \"=\"; write NAME=value, and a value of several lines in quotes\na.env:2:1: no \"=\"; write NAME=value, and a value of several lines in quotes"},
		"not UTF-8":             {"A=hunter2\xff", `a.env:1:10: not UTF-8 text; save it as UTF-8`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseEnv("a.env", []byte(c.text))
			if err == nil || err.Error() != c.want {
				t.Fatalf("error %v, want %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows a value")
			}
			wellFormed(t, "a.env", err)
		})
	}
}

func FuzzAFileOfSettings(f *testing.F) {
	for _, text := range []string{"A=", "A='\n'", `A="\n" # x`, "export A= #", "A=\\", "#", "=", "A=\"\\"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, err := parseEnv("a.env", data)
		for name, value := range vars {
			if err == nil && (wrongVariable(name) != "" || wrongValue(name, value) != "" || wrongCharacter(value, true) != "") {
				t.Errorf("%q = %q was taken", name, value)
			}
		}
	})
}

// share gives a folder that is shared, a configuration that says so, and what opens it.
func share(t *testing.T, text string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(t.TempDir(), "config.toml")
	write(t, path, strings.ReplaceAll(text, "SHARE", dir))
	return dir, path
}

func TestWhatIsNearestToAServiceGoesFirst(t *testing.T) {
	dir, path := share(t, `env_file = ["common.env", "more.env"]
[env]
C = "env for all"
D = "env for all"
[watch]
dir = "SHARE"
[service.web]
port = 8080
env_file = "web.env"
env = { E = "env" }
[service.api]
port = 8081
`)
	write(t, filepath.Join(dir, "common.env"), "A=file for all\nB=file for all\nC=file for all\nD=file for all\nE=file for all\n")
	write(t, filepath.Join(dir, "more.env"), "B=second file for all\n")
	if err := os.Mkdir(filepath.Join(dir, "volume-web"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "volume-web", "web.env"), "D=file\nE=file\n")
	c, _, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]map[string]string{
		"web": {"A": "file for all", "B": "second file for all", "C": "env for all", "D": "file", "E": "env"},
		"api": {"A": "file for all", "B": "second file for all", "C": "env for all", "D": "env for all", "E": "file for all"},
	} {
		if diff := cmp.Diff(want, c.Service(service).Environment); diff != "" {
			t.Errorf("%s (-want +got):\n%s", service, diff)
		}
	}
	if got := c.Settings(c.Service("web")); !cmp.Equal(got, []string{"web.env"}) || len(c.Settings(c.Service("api"))) != 0 {
		t.Errorf("no artefacts are %q and %q", got, c.Settings(c.Service("api")))
	}
}

func TestWithoutItsSettingsAServiceIsNotReady(t *testing.T) {
	const text = "[watch]\ndir = \"SHARE\"\n[service.web]\nport = 8080\nenv = { A = \"1\" }\nenv_file = \"FILE\"\n[service.api]\nport = 8081\n"
	outside := filepath.Join(t.TempDir(), "web.env")
	for name, c := range map[string]struct {
		file, want string
		make       func(dir string) error
	}{
		"missing":   {"web.env", "volume-web/web.env: read settings: no such file or directory; put a file", nil},
		"a folder":  {"../a", "a: read settings: not a regular file; put a file", func(dir string) error { return os.Mkdir(dir+"/a", 0o700) }},
		"a FIFO":    {"../a", "a: read settings: not a regular file; put a file", func(dir string) error { return syscall.Mkfifo(dir+"/a", 0o600) }},
		"malformed": {"../a", "a:1:1: no \"=\"", func(dir string) error { return os.WriteFile(dir+"/a", []byte("x\ny\n"), 0o600) }},
		"a link out": {"../a", "escapes from parent", func(dir string) error {
			if err := os.WriteFile(outside, []byte("A=1\n"), 0o600); err != nil {
				return err
			}
			return os.Symlink(outside, dir+"/a")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, path := share(t, strings.Replace(text, "FILE", c.file, 1))
			if c.make != nil {
				if err := c.make(dir); err != nil {
					t.Fatal(err)
				}
			}
			got, _, err := Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			web := got.Service("web")
			if !strings.Contains(web.Unready, c.want) || strings.Contains(web.Unready, "\n") || web.Environment != nil {
				t.Errorf("%q with %v; want %s", web.Unready, web.Environment, c.want)
			}
			if api := got.Service("api"); api.Unready != "" {
				t.Errorf("of another: %q", api.Unready)
			}
		})
	}
}

// Outside of the share nothing comes by itself: to start would be to pass over a typo.
func TestAMissingFileOutsideOfTheShareIsAnError(t *testing.T) {
	_, path := share(t, "[watch]\ndir = \"SHARE\"\n[service.web]\nport = 8080\nenv_file = \"/no/such.env\"\n")
	_, _, err := Open(t.Context(), path)
	if e := (*Error)(nil); !errors.As(err, &e) || !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "/no/such.env: ") {
		t.Errorf("error %v", err)
	}
	refuses(t, []wrong{
		{"no file", "[service.web]\nport = 8080\nenv_file = \"\"\n", `config.toml:3:1: service.web.env_file: is empty; name a file, or leave it out`},
		{"a number", "env_file = 1\n[service.web]\nport = 8080\n", `config.toml:1:1: env_file: must be a file like "common.env", or a list of them, not a whole number`},
	})
}

func TestFilesOfSettingsAreFollowed(t *testing.T) {
	dir, path := share(t, "[watch]\ndir = \"SHARE\"\n[service.web]\nport = 8080\nenv_file = \"../web.env\"\n")
	ctx, cancel := context.WithCancel(t.Context())
	_, source, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	heard, ended := make(chan *Service), make(chan struct{})
	go func() {
		defer close(ended)
		Follow(ctx, source, func(ctx context.Context, c *Config, err error) {
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case heard <- c.Service("web"):
			case <-ctx.Done():
			}
		})
	}()
	defer func() { cancel(); <-ended }()
	file := filepath.Join(dir, "web.env")
	for _, step := range []struct {
		do          func() error
		value, lack string
	}{
		{func() error { return os.WriteFile(file, []byte("A=1\n"), 0o600) }, "1", ""},
		{func() error { return os.WriteFile(file, []byte("A=2\n"), 0o600) }, "2", ""},
		{func() error { return os.WriteFile(file, []byte("A\n"), 0o600) }, "", "web.env:1:1: "},
		{func() error { return os.Remove(file) }, "", "no such file"},
		{func() error { return os.WriteFile(file, []byte("A=3\n"), 0o600) }, "3", ""},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		select {
		case web := <-heard:
			if web.Environment["A"] != step.value || !strings.Contains(web.Unready, step.lack) || (web.Unready == "") != (step.lack == "") {
				t.Fatalf("A is %q, and it lacks %q; want %q, %q", web.Environment["A"], web.Unready, step.value, step.lack)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("not reported: %+v", step)
		}
	}
}
