package agent

import (
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

func TestAnyTimeOfStillnessIsTheOneThatIsMeant(t *testing.T) {
	for _, c := range []struct {
		written string
		want    time.Duration
	}{
		{"20ms", 20 * time.Millisecond},
		{"2s", 2 * time.Second},
		{"0s", time.Millisecond}, // not the watcher's default
	} {
		read, err := config.Parse("config.toml", []byte("[watch]\nsettle = \""+c.written+"\"\n[service.web]\nport = 8080\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := watchOptions(read).Settle; got != c.want {
			t.Errorf("settle = %q: %s, want %s", c.written, got, c.want)
		}
	}
}
