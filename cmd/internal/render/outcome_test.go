package render

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// What a service has printed can be in the reason, with orders for a terminal.
func TestAnOutcomeIsOneLineThatGivesNoOrders(t *testing.T) {
	for _, c := range []struct {
		outcome control.Outcome
		more    string
		want    string
		err     error
	}{
		{control.Outcome{Service: "web", Generation: "web-8", Set: "3fa2c1d0e5b4", Took: 740 * time.Millisecond}, "",
			"web: live: web-8 3fa2c1d0 in 0.74 s\n", nil},
		{control.Outcome{Service: "web", Generation: "web-8", Set: "3fa2c1d0e5b4", Took: time.Second}, "; it stays",
			"web: live: web-8 3fa2c1d0 in 1.00 s; it stays\n", nil},
		{control.Outcome{Service: "web", Error: "prove: \x1b]2;owned\aended\nfrontend: live: forged"}, "; it stays",
			"web: failed: prove: ]2;ownedended frontend: live: forged\n", exit.ErrSilent},
	} {
		var out bytes.Buffer
		if err := Outcome(&out, c.outcome, c.more); !errors.Is(err, c.err) || out.String() != c.want {
			t.Errorf("%+v: %q, %v, want %q, %v", c.outcome, out.String(), err, c.want, c.err)
		}
	}
}
