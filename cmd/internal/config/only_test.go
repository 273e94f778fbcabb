package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestAPartOfTheSystemIsWhatItNeeds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	text := diamond + `
base = "other-base"
[base.other-base]
template = "busybox"
[base.service-base]
template = "busybox"
[external.mail]
address = "10.0.2.2:25"
[service.caller]
port = 1
needs = ["bottom", "mail"]
knows = ["alone", "left", "caller", "bottom"]
[[publish]]
port = 80
service = "alone"
[[publish]]
port = 81
service = "caller"
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	whole, source, err := Open(t.Context(), path)
	if err != nil || len(whole.LeftOut) > 0 {
		t.Fatalf("of the whole %q are left out, %v", whole.LeftOut, err)
	}
	part := func(names ...string) *Config {
		t.Helper()
		source.Only = names
		c, err := source.again().Parse()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := part("caller")
	if got := c.Order(); !slices.Equal(got, []string{"bottom", "caller"}) {
		t.Errorf("caller is %q", got)
	}
	if !slices.Equal(c.LeftOut, []string{"left", "right", "top", "alone"}) {
		t.Errorf("left out are %q", c.LeftOut)
	}
	if needs, knows := c.Names(c.Service("caller")); !slices.Equal(needs, []string{"bottom"}) || !slices.Equal(knows, []string{"caller", "bottom", "mail"}) {
		t.Errorf("caller needs %q and knows %q", needs, knows)
	}
	if len(c.Publishes) != 1 || c.Publishes[0].Service != "caller" || len(c.Bases) != 2 {
		t.Errorf("published is %v, of bases %v", c.Publishes, c.Bases)
	}
	if c := part("left", "right"); !slices.Equal(c.Order(), []string{"bottom", "right", "left"}) || c.Base("other-base") == nil || len(c.Publishes) > 0 {
		t.Errorf("left and right are %q, with %v, %v", c.Order(), c.Bases, c.Publishes)
	}
	if c := part("alone"); len(c.Bases) != 1 || c.Bases[0].Name != "service-base" {
		t.Errorf("alone has bases %v", c.Bases)
	}
	source.Only = []string{"botom"}
	if _, err := source.again().Parse(); err == nil || err.Error() != `no service "botom" in the configuration; did you mean "bottom"?` {
		t.Errorf("of a name that is none: %v", err)
	}
}
