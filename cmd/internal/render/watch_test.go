package render

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// agentSays is what an agent says at one time.
type agentSays struct {
	state  string
	memory int64
	err    error
}

// watched gives what is shown while an agent says one thing each second and
// then, before it is asked again, the watch is interrupted.
func watched(t *testing.T, redraw bool, says ...agentSays) (text string, well bool, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var out strings.Builder
		w := statusWatch{out: &out, show: reader{columns: endless}.table, redraw: redraw, now: time.Now}
		begun, n := time.Now(), 0
		w.ask = func(context.Context) (control.Status, error) {
			if n == len(says)-1 {
				time.AfterFunc(watchEvery/2, cancel)
			}
			say := says[n]
			n++
			return control.Status{Version: "1", PID: 42, Watching: "watches", Services: []deployer.Status{
				{Service: "web", State: say.state, Generation: "web-1", Since: begun, Memory: say.memory},
			}}, say.err
		}
		well, err = w.run(ctx)
		text = out.String()
	})
	return text, well, err
}

func frameOf(row string) string {
	return `SERVICE  STATE  GENERATION  SET  SINCE  MEMORY  RESTARTS  ADDRESS  PENDING
` + row + `
agent 1, process 42, watches
`
}

func TestAWatchIsRedrawnInPlaceOnATerminal(t *testing.T) {
	text, well, err := watched(t, true, agentSays{"live", 1000, nil}, agentSays{"live", 2000, nil}, agentSays{"down", 0, nil})
	if err != nil || well {
		t.Errorf("all is well: %t, %v", well, err)
	}
	screen := func(row string) string {
		return "\x1b[H" + strings.ReplaceAll(frameOf(row), "\n", "\x1b[K\n") + "\x1b[J"
	}
	want := screen("web      live   web-1       -    0s     1.0 kB  0         -        -") +
		screen("web      live   web-1       -    1s     2.0 kB  0         -        -") +
		screen("web      down   web-1       -    2s     -       0         -        -")
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

func TestAWatchWithoutATerminalShowsWhatHasChanged(t *testing.T) {
	text, well, err := watched(t, false, agentSays{"live", 1000, nil}, agentSays{"live", 2000, nil},
		agentSays{"down", 2000, nil}, agentSays{"", 0, control.ErrNoAgent}, agentSays{"", 0, control.ErrNoAgent}, agentSays{"live", 3000, nil})
	if err != nil || !well {
		t.Errorf("all is well: %t, %v", well, err)
	}
	want := frameOf("web      live   web-1       -    0s     1.0 kB  0         -        -") +
		frameOf("web      down   web-1       -    2s     2.0 kB  0         -        -") +
		"jarloop: no agent is running: start it with jarloop run\n" +
		frameOf("web      live   web-1       -    5s     3.0 kB  0         -        -")
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

func TestAWatchEndsWhereNobodyReadsOrNoAgentWas(t *testing.T) {
	w := statusWatch{out: closed{}, show: reader{columns: endless}.table, now: time.Now, ask: func(context.Context) (control.Status, error) { return control.Status{}, nil }}
	if _, err := w.run(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("nobody reads: %v", err)
	}
	if _, _, err := watched(t, false, agentSays{err: control.ErrNoAgent}); !errors.Is(err, control.ErrNoAgent) {
		t.Errorf("no agent: %v", err)
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
