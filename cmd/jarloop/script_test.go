package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jarloop/jarloop/cmd/internal/self"
)

// This program under the name of jarloop is jarloop: no other has to be built
// for the scripts. The verb is that of the children that jarloop starts, by
// whatever name.
func init() {
	if filepath.Base(os.Args[0]) == "jarloop" || len(os.Args) > 1 && os.Args[1] == self.LXCCall {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
}

// TestScripts plays the scripts in testdata/script, which show what a person
// types and reads. Beside what testscript knows they have:
//
//	exits STATUS COMMAND…  run the command, which is to end with the status
//	[root]                 the test is run by root
//	[installed]            there is a configuration in /etc, which would be found
//	$WORK                  in TOML files, too, the folder of the script
//
// What could reach this machine's rules runs under "unshare --net".
func TestScripts(t *testing.T) {
	// Others may enter, wherever TMPDIR is, since a script becomes one of them.
	dir, err := os.MkdirTemp("/tmp", "jlt-script-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	bin := filepath.Join(dir, "bin")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(bin, 0o755), install(filepath.Join(bin, "jarloop"))); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		WorkdirRoot:         dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
			e.Setenv("GORACE", os.Getenv("GORACE"))
			return expand(e)
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "installed":
				_, err := os.Lstat("/etc/jarloop/config.toml")
				return err == nil, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// install gives this program another name.
func install(name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Chmod(self, 0o755); err != nil { // built with a private umask, it is root's alone
		return err
	}
	if os.Link(self, name) == nil {
		return nil
	}
	program, err := os.ReadFile(self) // it is on another filesystem
	if err != nil {
		return err
	}
	return os.WriteFile(name, program, 0o755)
}

// expand puts the script's folder into its configurations, whose paths are
// absolute.
func expand(e *testscript.Env) error {
	files, err := filepath.Glob(filepath.Join(e.WorkDir, "*.toml"))
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		text = []byte(os.Expand(string(text), func(name string) string {
			if name == "WORK" {
				return e.WorkDir
			}
			return "$" + name
		}))
		if err := os.WriteFile(f, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exits with %d, want %d", args[1], got, want)
	}
}
