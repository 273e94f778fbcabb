package adopt

import (
	"os"
	"path/filepath"
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
