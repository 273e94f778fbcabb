package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// The clock may have been set back, as it was for one that went live tomorrow.
func TestWhyAServiceIsDownIsPending(t *testing.T) {
	for want, s := range map[string]deployer.Status{
		"down: the process exited":                 {Down: "the process exited"},
		"down: the process exited; 1234 failed: x": {Down: "the process exited", Newest: deployer.Newest{Set: "1234", State: deployer.Broken, Reason: "x"}},
	} {
		if got := newest(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheStatusOfSomeServicesAlone(t *testing.T) {
	all := control.Status{Services: []deployer.Status{{Service: "a", State: "live"}, {Service: "b", State: "failed"}, {Service: "c", State: "live"}}}
	if some := Only(all, []string{"c", "a"}); len(some.Services) != 2 || some.Services[0].Service != "a" || !Well(some) {
		t.Errorf("got %+v", some)
	}
	if got := Only(all, nil); len(got.Services) != 3 || Well(got) || len(all.Services) != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestStatusAsAPersonReadsIt(t *testing.T) {
	noon := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	s := control.Status{
		Version: "1.2.3", PID: 42, Watching: "watches /host by poll: fuse",
		Services: []deployer.Status{
			{Service: "person", State: "live", Generation: "person-8", Set: "3fa2c1d0e5b49687", Since: noon.Add(-90 * time.Second), Address: "10.0.3.131:8085", Memory: 152_345_678, Restarts: 3,
				Left: map[string]string{"person-7": "destroy person-7: something is mounted"}},
			{Service: "authentication", State: "failed", Generation: "authentication-3", Set: "77", Since: noon.Add(-26 * time.Hour), Address: "10.0.3.132:8082",
				Newest: deployer.Newest{Set: "aa11bb22cc33dd44", State: deployer.Broken, Reason: "prove: status 1"}, Failed: "authentication-4"},
			{Service: "session", State: "refused", Since: noon.Add(26 * time.Hour), Newest: deployer.Newest{State: deployer.Refused, Reason: "a.jar is cut off"}},
			{Service: "frontend", State: "waiting", WaitsFor: []string{"person", "session"}, Newest: deployer.Newest{State: deployer.Building}},
			{Service: "web", State: "none"},
		},
	}
	table := func() string { return tableOf(t, reader{columns: endless}, s, noon) }
	want := `SERVICE         STATE    GENERATION        SET       SINCE    MEMORY  RESTARTS  ADDRESS          PENDING
person          live     person-8          3fa2c1d0  1m30s    152 MB  3         10.0.3.131:8085  -
authentication  failed   authentication-3  77        26h0m0s  -       0         10.0.3.132:8082  aa11bb22 failed: prove: status 1; authentication-4 is kept
session         refused  -                 -         0s       -       -         -                refused: a.jar is cut off
frontend        waiting  -                 -         -        -       -         -                waits for person, session
web             none     -                 -         -        -       -         -                no artefacts yet
person-7 cannot be removed yet: destroy person-7: something is mounted
agent 1.2.3, process 42, watches /host by poll: fuse
`
	if diff := cmp.Diff(want, table()); diff != "" {
		t.Error(diff)
	}
	s.Services, s.Degraded = nil, "the shared folder is gone"
	want = `SERVICE  STATE  GENERATION  SET  SINCE  MEMORY  RESTARTS  ADDRESS  PENDING
degraded: the shared folder is gone
agent 1.2.3, process 42, watches /host by poll: fuse
`
	if diff := cmp.Diff(want, table()); diff != "" {
		t.Error(diff)
	}
}

func TestTheStatesAreInColour(t *testing.T) {
	s := control.Status{Version: "1", PID: 42, Watching: "watches", Services: []deployer.Status{
		{Service: "live", State: "live", Generation: "live-1"},
		{Service: "down", State: "failed", Newest: deployer.Newest{State: deployer.Broken}},
		{Service: "web", State: "waiting", WaitsFor: []string{"failed"}},
		{Service: "person", State: "none"},
	}}
	want := tableOf(t, reader{columns: endless}, s, time.Time{})
	got := tableOf(t, reader{colour: true, columns: endless}, s, time.Time{})
	for _, c := range [][2]string{
		{"live     live ", "live     \x1b[1;32mlive\x1b[0m "}, {"down     failed ", "down     \x1b[1;31mfailed\x1b[0m "},
		{"web      waiting ", "web      \x1b[33mwaiting\x1b[0m "}, {"person   none ", "person   \x1b[2mnone\x1b[0m "},
	} {
		if strings.Count(want, c[0]) != 1 {
			t.Fatalf("%q is there %d times", c[0], strings.Count(want, c[0]))
		}
		want = strings.Replace(want, c[0], c[1], 1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheTableFitsATerminal(t *testing.T) {
	s := control.Status{Version: "1", PID: 42, Watching: "watches", Services: []deployer.Status{
		{Service: "authentication", State: "live", Generation: "authentication-12", Set: "3fa2c1d0e5b4", Memory: 31e6, Address: "10.0.3.136:8082"},
		{Service: "person", State: "failed", Generation: "person-2", Set: "9a0f7bd6", Address: "10.0.3.142:8085", Failed: "person-3",
			Newest: deployer.Newest{Set: "2a941a39", State: deployer.Broken, Reason: "prove: the process exited with status 1"}},
		{Service: "web", State: "waiting", WaitsFor: []string{"person"}},
	}}
	for _, c := range []struct {
		columns int
		colour  bool
		want    string
	}{
		{170, false, `
SERVICE         STATE    GENERATION         SET       SINCE  MEMORY  RESTARTS  ADDRESS          PENDING
authentication  live     authentication-12  3fa2c1d0  -      31 MB   0         10.0.3.136:8082  -
person          failed   person-2           9a0f7bd6  -      -       0         10.0.3.142:8085  2a941a39 failed: prove: the process exited with status 1; person-3 is kept
web             waiting  -                  -         -      -       -         -                waits for person
agent 1, process 42, watches
`}, {169, false, `
SERVICE         STATE    GENERATION         SET       SINCE  MEMORY  RESTARTS  ADDRESS
authentication  live     authentication-12  3fa2c1d0  -      31 MB   0         10.0.3.136:8082
person          failed   person-2           9a0f7bd6  -      -       0         10.0.3.142:8085
  pending: 2a941a39 failed: prove: the process exited with status 1; person-3 is kept
web             waiting  -                  -         -      -       -         -
  pending: waits for person
agent 1, process 42, watches
`}, {80, true, `
SERVICE         STATE    GENERATION         SET       SINCE  ADDRESS
authentication  \x1b[1;32mlive\x1b[0m     authentication-12  3fa2c1d0  -      10.0.3.136:8082
person          \x1b[1;31mfailed\x1b[0m   person-2           9a0f7bd6  -      10.0.3.142:8085
  pending: 2a941a39 failed: prove: the process exited with status 1; person-3 is
    kept
web             \x1b[33mwaiting\x1b[0m  -                  -         -      -
  pending: waits for person
no room for MEMORY, RESTARTS: a wider terminal shows more, and --json all
agent 1, process 42, watches
`}, {30, false, `
SERVICE         STATE    GENERATION
authentication  live     authentication-12
person          failed   person-2
  pending: 2a941a39 failed:
    prove: the process exited
    with status 1; person-3 is
    kept
web             waiting  -
  pending: waits for person
no room for MEMORY, RESTARTS, SET, SINCE, ADDRESS: a wider terminal shows more, and --json all
agent 1, process 42, watches
`}} {
		got := tableOf(t, reader{colour: c.colour, columns: func() int { return c.columns }}, s, time.Time{})
		if diff := cmp.Diff(strings.ReplaceAll(c.want[1:], `\x1b`, "\x1b"), got); diff != "" {
			t.Errorf("%d columns: %s", c.columns, diff)
		}
	}
}

// endless is how wide what is no terminal is.
func endless() int { return 0 }

func tableOf(t *testing.T, r reader, s control.Status, now time.Time) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.table(&out, s, now); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAllIsWellWhenEveryServiceIsLiveAndNothingIsMissed(t *testing.T) {
	live, failed := deployer.Status{State: "live"}, deployer.Status{State: "failed"}
	for _, c := range []struct {
		name string
		s    control.Status
		want bool
	}{
		{"no services", control.Status{}, true},
		{"all are live", control.Status{Services: []deployer.Status{live, live}}, true},
		{"one is not", control.Status{Services: []deployer.Status{live, failed}}, false},
		{"all are live, but changes may be missed", control.Status{Services: []deployer.Status{live}, Degraded: "the shared folder is gone"}, false},
	} {
		if got := Well(c.s); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// TestReasonsGiveATerminalNoOrders has an agent that repeats what a command in
// a container has printed.
func TestReasonsGiveATerminalNoOrders(t *testing.T) {
	const evil = "a\x1b[2J\nperson          live     \u202e"
	s := control.Status{Watching: evil, Degraded: evil, Obstacles: []string{evil}, Services: []deployer.Status{{
		Service: "web", State: "failed", Newest: deployer.Newest{State: deployer.Broken, Reason: evil},
		Last: &deployer.Last{Error: evil},
	}}}
	for columns, lines := range map[int]int{0: 6, 20: 9} {
		var out bytes.Buffer
		if err := (reader{columns: func() int { return columns }}).table(&out, s, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := LastDeploy(&out, s, "web"); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); strings.ContainsAny(text, "\x1b\u202e") || strings.Count(text, "\n") != lines {
			t.Errorf("%d columns: %q", columns, text)
		}
	}
}

func TestWhereAServiceIsDivertedToIsInItsRow(t *testing.T) {
	for want, s := range map[string]deployer.Status{
		"leads to 10.0.2.2:8085": {State: "diverted", Diverted: "10.0.2.2:8085"},
		"leads to 10.0.2.2:8085; 77 failed: prove: no": {
			State: "diverted", Diverted: "10.0.2.2:8085", Newest: deployer.Newest{Set: "77", State: deployer.Broken, Reason: "prove: no"},
		},
	} {
		if got := row(s, time.Time{}); got[len(got)-1] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
