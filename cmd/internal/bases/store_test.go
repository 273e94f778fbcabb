package bases

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// onCluster is the configuration of a cluster that has these images and instances.
func onCluster(t *testing.T, images, instances []map[string]any) *config.Config {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var metadata any
		switch {
		case r.Method != http.MethodGet:
			t.Errorf("%s %s changes something", r.Method, r.URL)
		case strings.HasPrefix(r.URL.Path, "/1.0/images"):
			metadata = images
		case r.URL.Path == "/1.0/instances":
			metadata = instances
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "sync", "metadata": metadata}) // who asked may be gone
	})}}
	server.Start()
	t.Cleanup(server.Close)
	guest := filepath.Join(dir, "guest")
	if err := os.WriteFile(guest, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &config.Config{State: filepath.Join(dir, "state"), Run: filepath.Join(dir, "run"), Engine: config.Engine{
		Kind: config.EngineIncus, Address: filepath.Join(dir, "s"), Owner: "anna", Pool: "default", Project: "default", Guest: guest,
	}}
}

// What is to be built otherwise takes a tool that is not there.
func TestWhatAClusterHasIsNotBuilt(t *testing.T) {
	t.Setenv("PATH", "")
	quiet, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	out := console.New(quiet, nil, false)
	recipe := config.Base{Name: "service-base", Distribution: "debian:bookworm", Privileged: true}
	builtIn := recipe
	builtIn.BuiltIn = true
	r, err := Recipe(&config.Config{}, recipe)
	if err != nil {
		t.Fatal(err)
	}
	image := map[string]any{
		"fingerprint": "f", "aliases": []map[string]string{{"name": r.Container()}},
		"properties": map[string]string{"jarloop.container": r.Container(), "jarloop.recipe": r.Hash(), "jarloop.base": "service-base"},
	}
	byHand := map[string]any{"name": "service-base", "status": "Stopped", "location": "m1", "config": map[string]string{}}
	for _, test := range []struct {
		name              string
		images, instances []map[string]any
		base              config.Base
		container         string
	}{
		{"an image", []map[string]any{image}, nil, recipe, r.Container()},
		{"one for who is not privileged elsewhere", []map[string]any{image}, nil, config.Base{Name: "service-base", Distribution: "debian:bookworm"}, r.Container()},
		{"made by hand, and no word of it", nil, []map[string]any{byHand}, builtIn, "service-base"},
		{"made by hand, and no recipe", nil, []map[string]any{byHand}, config.Base{Name: "service-base"}, "service-base"},
		{"made by hand, and another recipe", nil, []map[string]any{byHand}, recipe, ""},
		{"nothing, and no word of it", nil, nil, builtIn, ""},
	} {
		c := onCluster(t, test.images, test.instances)
		c.Bases = []config.Base{test.base}
		got, err := Provision(t.Context(), c, nil, out)
		if (err == nil) != (test.container != "") || got["service-base"] != test.container {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
	}
	c := onCluster(t, []map[string]any{image}, nil)
	c.Bases = []config.Base{recipe}
	if list, err := List(t.Context(), c); err != nil || len(list) != 1 || !list[0].Configured || !list[0].Complete {
		t.Errorf("there are %+v, %v", list, err)
	}
	if err := Export(t.Context(), c, "service-base", filepath.Join(t.TempDir(), "f"), out); exit.Status(err) != exit.Usage {
		t.Errorf("an image is exported: %v", err)
	}
	if left, err := LeftOver(t.Context(), c); err != nil || len(left) > 0 {
		t.Errorf("left over are %v, %v", left, err)
	}
	c.Bases = nil
	if left, err := LeftOver(t.Context(), c); err != nil || len(left) != 1 {
		t.Errorf("left over are %v, %v", left, err)
	}
}
