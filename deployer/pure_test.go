package deployer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/deployer/jvm"
)

// generation is one of service a.
func generation(number, ordinal int, p Phase) *Generation {
	return &Generation{Service: "a", Number: number, Ordinal: ordinal, Phase: p}
}

func TestWhatIsChosenToBeLive(t *testing.T) {
	g := generation
	for name, c := range map[string]struct {
		all  []*Generation
		runs []int
		want int // 0: none
	}{
		"none of none":                                          {nil, nil, 0},
		"the one that is live":                                  {[]*Generation{g(1, 1, Draining), g(2, 2, Live), g(3, 2, Candidate)}, []int{1, 2, 3}, 2},
		"of two that are live what went live last":              {[]*Generation{g(2, 3, Live), g(3, 2, Live)}, []int{2, 3}, 2},
		"the one that runs":                                     {[]*Generation{g(2, 3, Live), g(3, 2, Live)}, []int{3}, 3},
		"of an earlier version the one with the higher number":  {[]*Generation{g(9, 0, Live), g(10, 0, Live)}, []int{9, 10}, 10},
		"one that drains and runs, where what is live does not": {[]*Generation{g(1, 1, Draining), g(2, 2, Live)}, []int{1}, 1},
		"of two that drain what went live last":                 {[]*Generation{g(5, 4, Draining), g(6, 3, Draining), g(7, 5, Live)}, []int{5, 6}, 5},
		"what was live last, where none runs":                   {[]*Generation{g(1, 1, Draining), g(2, 2, Live)}, nil, 2},
		"no standby, no candidate and no failure":               {[]*Generation{g(1, 0, Standby), g(2, 0, Candidate), g(3, 0, KeptFailure), g(4, 0, Making)}, []int{1, 2, 3, 4}, 0},
		"nothing that drains and has ended":                     {[]*Generation{g(1, 1, Draining)}, nil, 0},
	} {
		runs := map[string]bool{}
		for _, n := range c.runs {
			runs[generation(n, 0, Live).Name()] = true
		}
		for _, all := range [][]*Generation{c.all, reversed(c.all)} {
			if got := choose(all, runs)["a"]; got == nil && c.want != 0 || got != nil && got.Number != c.want {
				t.Errorf("%s: chosen is %q, want a-%d", name, got.Name(), c.want)
			}
		}
	}
}

func reversed[E any](all []E) []E {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

func TestAnArchiveIsForWhatIsAddedToTheJVM(t *testing.T) {
	java, err := jvm.Parse("java -jar a.jar")
	if err != nil {
		t.Fatal(err)
	}
	plain := fast{java: java, quick: []string{"-XX:+UseSerialGC"}, archive: "x.jsa"}
	added := plain
	added.boot = []string{"-Xbootclasspath/a:/jaxb.jar"}
	if script := added.production("base").Argv[2]; !strings.Contains(script, "-XX:+UseSerialGC -Xbootclasspath/a:/jaxb.jar -Xshare:dump") {
		t.Errorf("it is made by %s", script)
	}
	if plain.key("base", false) == added.key("base", false) {
		t.Error("one archive is for both")
	}
}

func TestWhatIsLaterAndWhatSupersedes(t *testing.T) {
	g := generation
	for _, c := range []struct {
		a, b              *Generation
		later, supersedes bool // of a, to b
	}{
		{g(1, 2, Live), g(2, 1, KeptFailure), true, true},
		{g(9, 1, Live), g(2, 1, KeptFailure), true, false}, // failed after that
		{g(2, 1, Live), g(9, 2, KeptFailure), false, false},
		{g(3, 0, Live), g(2, 0, KeptFailure), true, true}, // of an earlier version
		{g(2, 0, Live), g(3, 0, KeptFailure), false, false},
	} {
		if got := c.a.later(c.b); got != c.later {
			t.Errorf("%+v later than %+v: %t", c.a, c.b, got)
		}
		if got := supersedes(c.a, c.b); got != c.supersedes {
			t.Errorf("%+v supersedes %+v: %t", c.a, c.b, got)
		}
	}
	if !generation(1, 1, Live).later(nil) || supersedes(nil, generation(1, 1, KeptFailure)) {
		t.Error("of none")
	}
}

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
		got, err := earlier("web", c.page, "77aa", c.set)
		var wish WishError
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err != nil && !errors.As(err, &wish) {
			t.Errorf("%s: %q (%T), want %q", c.name, got, err, c.want)
		}
	}
}

func TestStepsAreUndoneLastFirstAndOnceOneHasFailedPassedOver(t *testing.T) {
	var did []string
	note := func(what string, err error) act {
		return func(ctx context.Context) error {
			did = append(did, what)
			if err == nil {
				err = ctx.Err()
			}
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	all := &steps{ctx: ctx}
	all.do("one", note("one", nil), note("undo one", errors.New("busy")))
	all.do("two", func(context.Context) error { cancel(errNewer); return errNewer }, note("undo two", nil))
	all.do("three", note("three", nil), note("undo three", nil))
	err := all.end(func(_ context.Context, err error) error { return fmt.Errorf("explained: %w", err) })
	if want := []string{"one", "undo two", "undo one"}; !slices.Equal(did, want) {
		t.Errorf("done was %q, want %q", did, want)
	}
	if want := "two: explained: newer artefacts have come (and undo one: busy)"; err == nil || err.Error() != want || !errors.Is(err, errNewer) {
		t.Errorf("said %v, want %s", err, want)
	}
	if n := len(all.done); n != 2 {
		t.Errorf("%d steps are told of", n)
	}
}

func TestAMailboxGivesMessagesInTheirOrderUntilItIsClosed(t *testing.T) {
	b := newMailbox[int]()
	for i := range 3 {
		if !b.put(i) {
			t.Errorf("%d was not taken", i)
		}
	}
	<-b.news
	if got := b.take(); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("got %v", got)
	}
	b.put(3)
	if got := b.close(); !slices.Equal(got, []int{3}) {
		t.Errorf("left was %v", got)
	}
	if b.put(4) || len(b.take()) > 0 {
		t.Error("it was taken by one that is closed")
	}
}
