package adopt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNextIsWhatFitsWhereTheProgramStands(t *testing.T) {
	unit := filepath.Join(t.TempDir(), "jarloop.service")
	if err := os.WriteFile(unit, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, output, program string
		units                 []string
		want                  string
	}{
		{"from a checkout", "config.toml", "./jarloop", []string{unit + ".none"}, "sudo ./jarloop run"},
		{"to another file", "my system.toml", "./jarloop", nil, "sudo ./jarloop run --config 'my system.toml'"},
		{"installed, to the file of its unit", usualFile, "jarloop", []string{unit + ".none", unit}, "sudo systemctl enable --now jarloop"},
		{"installed, to a file elsewhere", "config.toml", "jarloop", []string{unit},
			"sudo install -D -m 644 config.toml /etc/jarloop/config.toml && sudo systemctl enable --now jarloop"},
	} {
		if got := next(test.output, test.program, test.units); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestWithoutADefaultRouteAnInterfaceIsGuessed(t *testing.T) {
	all := func() ([]string, error) { return []string{"lo", "lxcbr0", "eth0", "eth1"}, nil }
	none := func() ([]string, error) { return []string{"lo"}, nil }
	if got := interfaceOf("enp0s3", all, "lxcbr0"); got != "" {
		t.Errorf("%q, although there is a default route", got)
	}
	if got := interfaceOf("", all, "lxcbr0"); got != "eth0" {
		t.Errorf("%q, want eth0", got)
	}
	if got := interfaceOf("", none, "lxcbr0"); got != "" {
		t.Errorf("%q of none", got)
	}
	l := &Layout{Dir: "/host", Interface: "eth0", services: []*service{{name: "a", source: "volume-a"}, {name: "b", source: "volume-b"}}}
	for _, want := range []string{"#interface = \"eth0\"   # GUESS: there is no default route", "\ninterface = \"eth0\"   # GUESS"} {
		if text := l.TOML(); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
		l.services = l.services[:1]
	}
}
