package incus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/enginetest"
	"github.com/jarloop/jarloop/deployer/incus"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestTheEngineKeepsItsPromises holds the engine to them on three members.
func TestTheEngineKeepsItsPromises(t *testing.T) {
	c := newCluster(t)
	// Three members on one machine come to a standstill with many at a time, and where other
	// tests run beside them with two.
	enginetest.Run(t, 1, func(t *testing.T) enginetest.Harness {
		t.Helper()
		b := c.bench(t)
		return enginetest.Harness{
			Engine: b.engine(t), Base: "base", Address: c.next, Restart: func(t *testing.T) deployer.Engine { return b.engine(t) },
			Hands:     enginetest.Hands{Foreign: b.foreign, HalfMade: b.halfMade, HalfRemoved: b.halfRemoved, Hang: b.hang, Halt: b.halt, Vanish: b.vanish, HalfProduced: b.halfProduced},
			Services:  enginetest.Shell(),
			Commands:  enginetest.ShellCommands(),
			BaseFile:  "/srv/seed/file",
			Mapper:    enginetest.Mapper,
			Irregular: []string{"/etc", "/dev/null", "/proc/version", "/etc/jarloop/gate"},
		}
	})
}

// bench is an engine, with all that the suite wants of it.
type bench struct {
	*cluster
	owner        string // another for each, so that they do not see each other
	logs, shared string
}

func (c *cluster) bench(t testing.TB) *bench {
	t.Helper()
	return &bench{cluster: c, owner: fmt.Sprintf("test%d", c.owners.Add(1)), logs: filepath.Join(t.TempDir(), "logs"), shared: filepath.Join(t.TempDir(), "shared")}
}

func (b *bench) engine(t testing.TB) deployer.Engine {
	t.Helper()
	return b.engineOf(t, b.owner)
}

func (b *bench) engineOf(t testing.TB, owner string) deployer.Engine {
	t.Helper()
	return b.engineBy(t, b.client, owner)
}

// engineBy gives one that asks by a client.
func (b *bench) engineBy(t testing.TB, client *api.Client, owner string) *incus.Engine {
	t.Helper()
	e, err := incus.New(incus.Options{
		Client: client, Owner: owner, Logs: b.logs, Shared: b.shared, Program: b.program, Pool: "fast",
		Gateway: netip.MustParseAddr(gateway), Nameserver: netip.MustParseAddr(gateway),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// copyBase makes an instance without the engine.
func (b *bench) copyBase(t *testing.T, name string, config map[string]string) {
	t.Helper()
	config["user.jarloop.base"] = ""
	if err := b.client.CopyInstance(t.Context(), api.Copy{Name: b.owner + "-" + name, Source: "base-m1", Member: "m1", Config: config}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) foreign(t *testing.T, name string) {
	t.Helper()
	b.copyBase(t, name, map[string]string{})
	t.Cleanup(func() {
		if err := b.client.DeleteInstance(context.Background(), b.owner+"-"+name); err != nil {
			t.Error(err)
		}
	})
}

func (b *bench) halfMade(t *testing.T, s deployer.Spec) {
	t.Helper()
	b.copyBase(t, s.Name, map[string]string{"user.jarloop.owner": b.owner, "user.jarloop.record": "", "user.jarloop.state": "making"})
}

func (b *bench) halfRemoved(t *testing.T, s deployer.Spec) {
	t.Helper()
	e := b.engine(t)
	if err := e.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	b.set(t, s.Name, "user.jarloop.state", "removing")
}

func (b *bench) set(t *testing.T, name, key, value string) {
	t.Helper()
	if err := b.client.SetConfig(t.Context(), b.owner+"-"+name, "", map[string]string{key: value}); err != nil {
		t.Fatal(err)
	}
}

// hang lets the guest come to nothing: the container runs, and never has its address. A
// hook of the host that hangs is none of ours: the API can end no such start.
func (b *bench) hang(t *testing.T, name string) func() {
	t.Helper()
	const boot = "/etc/init.d/rcS"
	files, err := b.client.Files(t.Context(), b.owner+"-"+name)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	text, err := files.Read(boot, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Put(boot, 0o755, strings.NewReader("#!/bin/sh\nexec sleep 86392\n")); err != nil {
		t.Fatal(err)
	}
	return func() {
		status, err := b.client.Exec(t.Context(), b.owner+"-"+name, []string{"/bin/sh", "-c", "cat >" + boot}, nil,
			api.Streams{In: io.NopCloser(bytes.NewReader(text))})
		if err != nil || status != 0 {
			t.Fatal(status, err)
		}
	}
}

func (b *bench) halt(t *testing.T, name string) {
	t.Helper()
	status, err := b.client.Exec(t.Context(), b.owner+"-"+name, []string{"/bin/sh", "-c", "kill -USR1 1"}, nil, api.Streams{})
	if err != nil && status == 0 {
		t.Log(fmt.Errorf("the guest was asked: %w", err)) // it may halt before it says so
	}
}

func (b *bench) vanish(t *testing.T, name string) {
	t.Helper()
	full := b.owner + "-" + name
	if err := errors.Join(b.client.SetState(t.Context(), full, "stop", true, time.Second), b.client.DeleteInstance(t.Context(), full)); err != nil {
		t.Fatal(err)
	}
}

// halfProduced has an agent begin that is gone when its command runs.
func (b *bench) halfProduced(t *testing.T, p deployer.Production) {
	t.Helper()
	line := newLine(t, strings.TrimPrefix(b.socket(t), "unix:"))
	e := b.engineBy(t, by(t, "unix:"+line.address), b.owner)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := e.Produce(ctx, p); err == nil {
			t.Error("it has ended well")
		}
	}()
	for running := false; !running; {
		all, err := e.List(t.Context())
		if err = errors.Join(err, deployer.Pause(t.Context(), 100*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		for _, i := range all {
			running = running || i.Running
		}
	}
	line.end()
	cancel()
	<-done
}
