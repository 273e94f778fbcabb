package main

import (
	"errors"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/history"
)

func TestASetThatIsNotMeantIsTheCallersMistake(t *testing.T) {
	page := func(sets ...string) (p history.Page) {
		for _, set := range sets {
			p.Entries = append(p.Entries, history.Entry{Set: set, Outcome: history.Live})
		}
		return p
	}
	for _, c := range []struct {
		name string
		page history.Page
		set  string
		want string // the set, or what is said
	}{
		{"the one before", page("3fa2", "77aa"), "", "3fa2"},
		{"one by how it begins", page("3fa2", "8cc1", "77aa"), "3", "3fa2"},
		{"none before", page("77aa"), "", "there is no earlier set of web that was live"},
		{"the one that is live", page("3fa2", "77aa"), "77", "set 77aa of web is live already"},
		{"one that never was", page("3fa2", "77aa"), "f0", `no set of web that was live begins with "f0": jarloop history web shows them`},
		{"two that begin so", page("3fa2", "3fb1", "77aa"), "3f", `"3f" is how 2 sets of web begin: give more of it`},
	} {
		got, err := earlier(c.page, "77aa", control.RollbackRequest{Service: "web", Set: c.set})
		var input control.InputError
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err != nil && !errors.As(err, &input) {
			t.Errorf("%s: %q (%T), want %q", c.name, got, err, c.want)
		}
	}
}
