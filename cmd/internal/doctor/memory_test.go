package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

func TestLimitsThatDoNotFitTheMachineAreSaid(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "proc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "proc/meminfo"), []byte("MemTotal:        2097152 kB\nMemFree:   1 kB\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const gib = config.Size(1 << 30)
	for _, c := range []struct {
		name string
		each []config.Size
		want State // "": nothing is said
	}{
		{"none", []config.Size{0, 0}, ""},
		{"all of it", []config.Size{gib, 0, gib}, OK},
		{"more than there is", []config.Size{gib, gib, 1 << 20}, Warning},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Machine{Root: root, Config: &config.Config{}}
			for _, size := range c.each {
				m.Config.Services = append(m.Config.Services, config.Service{Memory: size})
			}
			got := memory(t.Context(), m)
			if c.want == "" {
				if len(got) != 0 {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].State != c.want || !strings.Contains(got[0].Found, "2.1 GB") {
				t.Errorf("%+v; want %s", got, c.want)
			}
		})
	}
}
