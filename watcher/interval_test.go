package watcher

import (
	"slices"
	"testing"
	"time"
)

func TestScansKeepWithinTheirBudget(t *testing.T) {
	const ms, never = time.Millisecond, time.Duration(-1)
	for name, test := range map[string]struct {
		budget budget
		want   time.Duration
	}{
		"what costs nothing is scanned as often as checked":                {budget{0, 1, never, never}, minScan},
		"one small service is scanned as often as checked":                 {budget{300 * time.Microsecond, 1, never, never}, minScan},
		"six small services share the budget":                              {budget{150 * time.Microsecond, 6, never, never}, 300 * ms},
		"the bound holds however much there is to scan":                    {budget{1200 * time.Microsecond, 20, never, never}, 5 * time.Second},
		"the bound holds where a scan takes longer than it":                {budget{time.Minute, 1000, never, never}, 5 * time.Second},
		"a service that changed is scanned often whatever the others cost": {budget{5 * ms, 20, 0, 0}, minScan},
		"a slow share makes that less often":                               {budget{50 * ms, 20, time.Second, time.Second}, time.Second},
		"the other services share a larger budget":                         {budget{1200 * time.Microsecond, 20, never, time.Second}, 480 * ms},
		"a change of its own long ago does not count":                      {budget{1200 * time.Microsecond, 20, time.Hour, time.Second}, 480 * ms},
		"the haste ends": {budget{300 * time.Microsecond, 2, scanMoreFor, scanMoreFor}, 200 * ms},
		"just before the end of the haste it is in force": {budget{400 * time.Microsecond, 2, never, scanMoreFor - 1}, minScan},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.budget.scanInterval(minScan, 5*time.Second); got != test.want {
				t.Errorf("%v between two scans, want %v", got, test.want)
			}
		})
	}
}

func TestWhatChangedLastIsCheckedOften(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct{ cost, changed, want time.Duration }{
		"right after it":                {60 * time.Microsecond, 0, minRecent},
		"within its budget":             {480 * time.Microsecond, 0, 48 * ms},
		"on a slow share not too often": {time.Second, 0, minScan},
		"a minute later less often":     {60 * time.Microsecond, time.Minute, 30 * ms},
		"in the end as all others":      {60 * time.Microsecond, recentFor - 1, maxCheck},
	} {
		t.Run(name, func(t *testing.T) {
			if got := recentInterval(test.cost, test.changed); got.Round(ms) != test.want {
				t.Errorf("%v between two checks, want %v", got, test.want)
			}
		})
	}
}

func TestTheFewThatChangedLastAreApart(t *testing.T) {
	now := time.Now()
	watches := []*watch{{}, {changed: now.Add(-recentFor)}}
	for i := range 6 {
		watches = append(watches, &watch{changed: now.Add(time.Duration(i-6) * time.Second)})
	}
	recent, others := divide(watches, now)
	if len(recent) != maxRecent || recent[0] != watches[7] || recent[3] != watches[4] {
		t.Errorf("%d are apart", len(recent))
	}
	if len(others) != 4 || slices.ContainsFunc(recent, func(p *watch) bool { return slices.Contains(others, p) }) {
		t.Errorf("%d are not", len(others))
	}
}

func TestOneSlowLookSaysLittle(t *testing.T) {
	of := time.Duration(0)
	for range 10 {
		of = mean(of, time.Millisecond)
	}
	if of = mean(of, 10*time.Minute); of > 2*time.Millisecond {
		t.Errorf("looks of a millisecond, and one at a share that hung, take %v on average", of)
	}
	for range 30 {
		of = mean(of, 100*time.Millisecond)
	}
	if of < 90*time.Millisecond {
		t.Errorf("looks that have become slow for good take %v on average", of)
	}
	if of = mean(0, time.Hour); of > stuck {
		t.Errorf("the first look, at a share that hung, took %v", of)
	}
}

func TestChecksSlowDownInQuietTimesOnly(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct{ cost, changed, want time.Duration }{
		"cheap ones are made often":                  {60 * time.Microsecond, -1, minCheck},
		"what exceeds the budget is done less often": {480 * time.Microsecond, time.Hour, 160 * ms},
		"but not much less often":                    {time.Second, busyFor, maxCheck},
		"shortly after a change none is slow":        {time.Second, busyFor - 1, minScan},
		"and their budget is larger":                 {480 * time.Microsecond, busyFor - 1, 24 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			if got := checkInterval(test.cost, test.changed); got != test.want {
				t.Errorf("%v between two checks, want %v", got, test.want)
			}
		})
	}
}
