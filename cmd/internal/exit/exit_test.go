package exit

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
)

func TestStatusTellsWrongUsageFromFailure(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, Done},
		{"a failure", errors.New("x"), Failed},
		{"one that was told", ErrSilent, Failed},
		{"wrong usage", Usagef("no service %q", "x"), Usage},
		{"wrong usage within", fmt.Errorf("a: %w", AsUsage(errors.New("x"))), Usage},
		{"a wrong configuration", fmt.Errorf("a: %w", &config.Error{}), Usage},
		{"what the agent does not take", control.InputError{Err: errors.New("x")}, Usage},
	} {
		if got := Status(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if err := AsUsage(fs.ErrNotExist); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not what it was", err)
	}
}
