package config

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFollowReportsEachChangeOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	const first, second = "[service.web]\nport = 8080\n", "[service.web]\nport = 8081\n"
	write(t, path, first)
	type report struct {
		c   *Config
		err error
	}
	heard := make(chan report)
	ctx, cancel := context.WithCancel(t.Context())
	_, source, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Follow(ctx, source, func(ctx context.Context, c *Config, err error) {
			select {
			case heard <- report{c, err}:
			case <-ctx.Done():
			}
		})
	}()
	defer func() {
		cancel()
		<-ended
	}()
	next := func(what string) report {
		t.Helper()
		select {
		case n := <-heard:
			return n
		case <-time.After(30 * time.Second):
			t.Fatalf("not reported: %s", what)
			panic("unreachable")
		}
	}

	write(t, path, "[service.web]\nport = 808") // the first half, and soon
	write(t, path, second)
	if n := next("another port"); n.err != nil || n.c.Service("web").Port != 8081 {
		t.Fatalf("%+v, %v", n.c, n.err)
	}
	write(t, path, "[service.web\n")
	if n := next("garbage"); n.err == nil || !strings.HasPrefix(n.err.Error(), path+":1:") {
		t.Fatalf("garbage gave %v", n.err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if n := next("the file is gone"); n.err == nil || !strings.Contains(n.err.Error(), "no such file") {
		t.Fatalf("a file that is gone gave %v", n.err)
	}
	other := filepath.Join(dir, ".config.toml.swp") // as editors do
	write(t, other, first)
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if n := next("it came back"); n.err != nil || n.c.Service("web").Port != 8080 {
		t.Fatalf("%+v, %v", n.c, n.err)
	}
}

func TestWhatCannotBeTakenUpWhileRunning(t *testing.T) {
	parse := func(text string) *Config {
		t.Helper()
		c, err := Parse("config.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	running := parse("[service.web]\nport = 8080\n")
	now := parse("state = \"/srv\"\n[watch]\ndir = \"/other\"\nsettle = \"1s\"\n[lxc]\nbridge = \"br0\"\n[service.web]\nport = 8081\n[service.api]\nport = 1\n")
	live, restart := now.Live(running)
	if got := strings.Join(restart, " "); got != "state watch.dir watch.settle lxc.bridge" {
		t.Errorf("restart for %s", got)
	}
	if live.State != running.State || live.Watch != running.Watch || live.LXC != running.LXC {
		t.Errorf("not as it runs: %+v", live)
	}
	if live.Service("web").Port != 8081 || live.Service("api").Source != "/host/volume-api" {
		t.Errorf("services: %+v", live.Services)
	}
	if now.State != "/srv" || now.Service("api").Source != "/other/volume-api" {
		t.Error("the configuration itself has changed")
	}
	if _, restart := running.Live(running); len(restart) > 0 {
		t.Errorf("restart for %v, though nothing has changed", restart)
	}
}
