package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// TestADay plays the scripts in testdata/day, which show what a person types and
// reads while an agent runs, on a machine of their own. Beside what those of
// TestScripts have there are:
//
//	eventually COMMAND…     run the command until it ends well
//	shows PATTERN COMMAND…  run it until its output matches
//	laptop COMMAND…         run it on the laptop, not on the VM
//	vm COMMAND…             run it on the VM
//	$SHARE, $URL            the share's folder on the laptop, and where the VM is reached
//	$STATE, $RUN, $LXC      folders of the configuration
func TestADay(t *testing.T) {
	s := newLab(t, true)
	s.LXC = filepath.Join(s.Dir, "lxc") // what is kept for other tests stays
	s.write(s.config, replace(t, s.small("", "health = { path = \"/\", timeout = \"2s\" }\ndrain = \"100ms\"\nenv_file = \"page.env\""), map[string]string{
		"exec = \"httpd -f -p 8080 -h /page\"\nport = 8080\n": "exec = \"httpd -f -p $(cat /page/address 2>/dev/null || echo 8080) -h /page\"\n",
	}))
	bin := filepath.Join(s.Dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	vm := strings.Join(s.VM(s.ctx).Args, " ")
	s.tool(filepath.Join(bin, "jarloop"), fmt.Sprintf(`exec %s sh -c 'cd "$0" && exec "$@"' "$PWD" %s "$@"`, vm, s.program))
	s.tool(filepath.Join(bin, "vm"), fmt.Sprintf(`exec %s "$@"`, vm))
	s.tool(filepath.Join(bin, "laptop"), fmt.Sprintf(`exec %s "$@"`, s.Enter()))
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/day",
		WorkdirRoot:         s.Dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
			e.Setenv("GORACE", os.Getenv("GORACE"))
			e.Setenv("SHARE", s.Share)
			e.Setenv("STATE", filepath.Join(s.Dir, "state"))
			e.Setenv("RUN", filepath.Join(s.Dir, "run"))
			e.Setenv("LXC", s.LXC)
			e.Setenv("URL", "http://"+lab.Address+"/")
			return os.Symlink(s.config, filepath.Join(e.WorkDir, "config.toml"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "eventually": eventually, "shows": shows,
		},
	})
}

// tool writes a command of a script.
func (s *system) tool(name, line string) {
	s.t.Helper()
	s.write(name, "#!/bin/sh\n"+line+"\n")
	if err := os.Chmod(name, 0o755); err != nil {
		s.t.Fatal(err)
	}
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually COMMAND...")
	}
	within(ts, "ends well", args, func(err error) bool { return err == nil })
}

func shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: shows PATTERN COMMAND...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	within(ts, "shows "+args[0], args[1:], func(error) bool { return pattern.MatchString(ts.ReadFile("stdout")) })
}

// within runs a command until it is as it should be.
func within(ts *testscript.TestScript, what string, command []string, so func(error) bool) {
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(command[0], command[1:]...)
		if so(err) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not within a minute: %q %s: %v\n%s", command, what, err, ts.ReadFile("stdout"))
		}
	}
}
