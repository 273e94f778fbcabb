package incus_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
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
	enginetest.Run(t, func(t *testing.T) enginetest.Harness {
		t.Helper()
		b := &bench{cluster: c, logs: filepath.Join(t.TempDir(), "logs")}
		return enginetest.Harness{
			Engine: b.engine(t), Base: "base", Address: c.next, Restart: b.engine,
			Hands:     enginetest.Hands{Foreign: b.foreign, HalfMade: b.halfMade, HalfRemoved: b.halfRemoved, Hang: b.hang, Halt: b.halt, Vanish: b.vanish},
			Services:  enginetest.Shell(),
			Commands:  enginetest.ShellCommands(),
			BaseFile:  "/srv/seed/file",
			NoData:    "the engine incus keeps no data of services yet",
			Irregular: []string{"/etc", "/dev/null", "/proc/version", "/etc/jarloop/gate"},
		}
	})
}

// TestLargeArtefactsArriveWhole goes beyond what the file API loses by itself, and reads
// in the guest what has come.
func TestLargeArtefactsArriveWhole(t *testing.T) {
	b := &bench{cluster: newCluster(t), logs: filepath.Join(t.TempDir(), "logs")}
	e := b.engine(t)
	ctx := t.Context()
	s := deployer.Spec{Name: "large-1", Base: "base", Address: b.next(), Record: []byte("large")}
	if err := e.Create(ctx, s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(e.Stop(ctx, s.Name, 0), e.Remove(ctx, s.Name)); err != nil {
			t.Error(err)
		}
	})
	if _, err := e.Start(ctx, s.Name); err != nil {
		t.Fatal(err)
	}
	source, text := t.TempDir(), make([]byte, 100<<20)
	if _, err := rand.Read(text); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "app.jar"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := e.Install(ctx, s.Name, source, "/srv/app", deployer.Command{Line: "true"}); err != nil {
		t.Fatal(err)
	}
	t.Logf("100 MiB were installed in %s", time.Since(began))
	out, err := e.Run(ctx, s.Name, []string{"sha256sum", "/srv/app/app.jar"})
	if want := fmt.Sprintf("%x  /srv/app/app.jar\n", sha256.Sum256(text)); err != nil || string(out) != want {
		t.Errorf("there is %q, %v; want %q", out, err, want)
	}
}

// cluster is one that is up.
type cluster struct {
	client  *api.Client
	program string
	address atomic.Uint32
}

const (
	gateway = "10.88.0.1"
	owner   = "test"
)

// newCluster brings one up for this test, or takes that whose address JARLOOP_INCUS
// says, which somebody keeps up while working on the engine.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("bringing a cluster up takes its time")
	}
	address := os.Getenv("JARLOOP_INCUS")
	if address == "" {
		address = bringUp(t)
	}
	program := filepath.Join(t.TempDir(), "guest")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "../../cmd/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program for guests: %v: %s", err, out)
	}
	client, err := api.New(api.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &cluster{client: client, program: program}
}

// bringUp gives the address of a member of a new cluster, and skips the test where this
// machine cannot have one.
func bringUp(t *testing.T) string {
	t.Helper()
	const cannot = 77
	lab := func(verb ...string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, "testdata/cluster", verb...).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	t.Cleanup(func() {
		if out, err := lab("down"); err != nil && !t.Skipped() {
			t.Errorf("take the cluster down: %v: %s", err, out)
		}
	})
	out, err := lab("up", "3")
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == cannot {
		t.Skip(out)
	}
	if err != nil {
		t.Fatalf("bring a cluster up: %v: %s", err, out)
	}
	address, err := lab("socket", "m1")
	if err != nil {
		t.Fatalf("find its socket: %v: %s", err, address)
	}
	return address
}

// next gives an address that nobody has had.
func (c *cluster) next() netip.Prefix {
	n := c.address.Add(1)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 88, 0, byte(2 + n%250)}), 24)
}

// bench is an engine, with all that the suite wants of it.
type bench struct {
	*cluster
	logs string
}

func (b *bench) engine(t *testing.T) deployer.Engine {
	t.Helper()
	e, err := incus.New(incus.Options{
		Client: b.client, Owner: owner, Logs: b.logs, Program: b.program, Pool: "fast",
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
	if err := b.client.CopyInstance(t.Context(), api.Copy{Name: owner + "-" + name, Source: "base-m1", Member: "m1", Config: config}); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) foreign(t *testing.T, name string) {
	t.Helper()
	b.copyBase(t, name, map[string]string{})
	t.Cleanup(func() {
		if err := b.client.DeleteInstance(context.Background(), owner+"-"+name); err != nil {
			t.Error(err)
		}
	})
}

func (b *bench) halfMade(t *testing.T, s deployer.Spec) {
	t.Helper()
	b.copyBase(t, s.Name, map[string]string{"user.jarloop.owner": owner, "user.jarloop.record": "", "user.jarloop.state": "making"})
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
	if err := b.client.SetConfig(t.Context(), owner+"-"+name, "", map[string]string{key: value}); err != nil {
		t.Fatal(err)
	}
}

// hang lets the guest come to nothing: the container runs, and never has its address. A
// hook of the host that hangs is none of ours: the API can end no such start.
func (b *bench) hang(t *testing.T, name string) func() {
	t.Helper()
	const boot = "/etc/init.d/rcS"
	content, _, err := b.client.GetFile(t.Context(), owner+"-"+name, boot)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	f := api.File{Kind: "file", Mode: 0o755}
	if err := b.client.PutFile(t.Context(), owner+"-"+name, boot, f, strings.NewReader("#!/bin/sh\nexec sleep 86392\n")); err != nil {
		t.Fatal(err)
	}
	return func() {
		status, err := b.client.Exec(t.Context(), owner+"-"+name, []string{"/bin/sh", "-c", "cat >" + boot}, nil,
			api.Streams{In: io.NopCloser(bytes.NewReader(text))})
		if err != nil || status != 0 {
			t.Fatal(status, err)
		}
	}
}

func (b *bench) halt(t *testing.T, name string) {
	t.Helper()
	status, err := b.client.Exec(t.Context(), owner+"-"+name, []string{"/bin/sh", "-c", "kill -USR1 1"}, nil, api.Streams{})
	if err != nil && status == 0 {
		t.Log(fmt.Errorf("the guest was asked: %w", err)) // it may halt before it says so
	}
}

func (b *bench) vanish(t *testing.T, name string) {
	t.Helper()
	full := owner + "-" + name
	if err := errors.Join(b.client.SetState(t.Context(), full, "stop", true, time.Second), b.client.DeleteInstance(t.Context(), full)); err != nil {
		t.Fatal(err)
	}
}
