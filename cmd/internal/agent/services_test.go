package agent

import (
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// A folder that is called like it can be touched as anybody likes.
func TestAServiceWithoutArtefactsIsNotWatched(t *testing.T) {
	read, err := config.Parse("config.toml", []byte(`
[service.db]
artefacts = false
exec = "postgres"
port = 5432
env = { PGPASSWORD = "secret" }
[service.web]
port = 8080
`))
	if err != nil {
		t.Fatal(err)
	}
	if all := watchServices(read); len(all) != 1 || all[0].Name != "web" {
		t.Errorf("watched: %+v", all)
	}
	all := deployServices(read, map[string]string{"service-base": "base-1"})
	if db := all[0]; !db.Backing || db.Name != "db" || db.Target != "" || db.Env["PGPASSWORD"] != "secret" || all[1].Backing {
		t.Errorf("deployed: %+v", all)
	}
}

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

func TestTheMemoryOfThisMachineIsNotThatOfACluster(t *testing.T) {
	var c config.Config
	if available(&c) != nil {
		t.Error("containers of this machine have other memory than it")
	}
	c.Engine.Kind = config.EngineIncus
	if free, err := available(&c)(); err == nil {
		t.Errorf("a cluster has %d bytes", free)
	}
}
