package deployer

import "testing"

func TestPlanFor(t *testing.T) {
	s := Service{Name: "web", Base: "base-2", Port: 80}
	live := Record{Service: "web", Number: 3, Set: "a", Base: "base-2", Fingerprint: s.fingerprint()}
	ready := Record{Service: "web", Number: 4, Base: "base-2", Fingerprint: s.fingerprint()}
	with := func(r Record, change func(*Record)) *Record { change(&r); return &r }
	for name, test := range map[string]struct {
		set           string
		live, standby *Record
		anyway        string
		want          string
	}{
		"the first set is deployed":               {"a", nil, nil, "", "deploy: nothing is live, into a new generation"},
		"a new set replaces what is live":         {"b", &live, nil, "", "deploy: new artefacts, into a new generation, in place of web-3"},
		"the same set is nothing to do":           {"a", &live, nil, "", "nothing to do: these artefacts are live already"},
		"the same set is deployed when asked for": {"a", &live, nil, "asked for", "deploy: asked for, into a new generation, in place of web-3"},
		"a standby is used":                       {"b", &live, &ready, "", "deploy: new artefacts, into web-4, in place of web-3"},
		"a standby of another base is discarded":  {"b", &live, with(ready, func(r *Record) { r.Base = "base-1" }), "", "deploy: new artefacts, into a new generation, in place of web-3, discard web-4, which is of an earlier configuration"},
		"a new base is reason enough":             {"a", with(live, func(r *Record) { r.Base = "base-1" }), nil, "", "deploy: new base base-2, into a new generation, in place of web-3"},
		"a new configuration is reason enough":    {"a", with(live, func(r *Record) { r.Fingerprint = "x" }), nil, "", "deploy: new configuration, into a new generation, in place of web-3"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := planFor(s, test.set, test.live, test.standby, test.anyway).String(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
