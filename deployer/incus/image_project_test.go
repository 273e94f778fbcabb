package incus_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestACertificateOfOneProjectBuildsBasesThere has a certificate that is restricted to a
// project, with images of its own and with those of the default project.
func TestACertificateOfOneProjectBuildsBasesThere(t *testing.T) {
	c := newCluster(t)
	if !c.onDesk(t) {
		return
	}
	root := smallRoot(t)
	for _, images := range []string{"true", "false"} {
		t.Run("features.images="+images, func(t *testing.T) {
			project := "images-" + images
			c.incus(t, nil, "project", "create", project, "-c", "features.images="+images, "-c", "features.networks=false",
				"-c", "restricted=true", "-c", "restricted.cluster.target=allow", "-c", "restricted.devices.nic=allow")
			c.incus(t, nil, "profile", "device", "add", "default", "root", "disk", "path=/", "pool=fast", "--project", project)
			c.incus(t, nil, "profile", "device", "add", "default", "eth0", "nic", "network=incbr0", "name=eth0", "--project", project)
			b := c.bench(t)
			e, err := incus.New(incus.Options{Client: c.restricted(t, project), Owner: b.owner, Logs: b.logs, Shared: b.shared, Program: c.program, Pool: "fast"})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			after := func(what string) { t.Logf("%s after %s", what, time.Since(began).Round(10*time.Millisecond)) }
			base := incus.Built{Name: "tiny", Container: "tiny-" + images, Hash: "1", Begun: time.Now(), Took: time.Second}
			if there, err := e.HasBase(t.Context(), base.Container, base.Hash); there || err != nil {
				t.Fatalf("%t, %v", there, err)
			}
			ctx, cut := context.WithCancel(t.Context())
			if err := e.TakeIn(ctx, base, root, cutting{cut: cut}); !errors.Is(err, context.Canceled) {
				t.Errorf("what is cut off: %v", err)
			}
			if all, err := e.BuiltBases(t.Context()); err != nil || len(all) > 0 {
				t.Errorf("what was cut off leaves %+v, %v", all, err)
			}
			after("cut off")
			if err := e.TakeIn(t.Context(), base, root, mute{}); err != nil {
				t.Fatal(err)
			}
			after("taken in")
			if err := e.Create(t.Context(), deployer.Spec{Name: "web-1", Base: base.Container, Address: b.next(), Record: []byte("r")}); err != nil {
				t.Fatal(err)
			}
			if err := e.RemoveBase(t.Context(), base.Container); !errors.Is(err, incus.ErrStays) {
				t.Errorf("a base in use is removed: %v", err)
			}
			all, err := e.BuiltBases(t.Context())
			if err != nil || len(all) != 1 || !all[0].Complete || len(all[0].Made) != 1 || all[0].Bytes == 0 {
				t.Errorf("there are %+v, %v", all, err)
			}
			after("made an instance")
			if err := e.Remove(t.Context(), "web-1"); err != nil {
				t.Error(err)
			}
			if err := e.RemoveBase(t.Context(), base.Container); images == "true" && err != nil || images == "false" && !errors.Is(err, incus.ErrStays) {
				t.Errorf("the base is removed: %v", err)
			}
			if images == "false" { // it is for others
				c.incus(t, nil, "image", "delete", base.Container)
			}
			if all, err := e.BuiltBases(t.Context()); err != nil || len(all) > 0 {
				t.Errorf("that leaves %+v, %v", all, err)
			}
			after("removed")
			c.incus(t, nil, "project", "delete", project)
		})
	}
}

// onDesk says whether this is the agent's machine, from where the members can be reached by
// https; else the test is run there.
func (c *cluster) onDesk(t *testing.T) bool {
	t.Helper()
	const there = "JARLOOP_ON_DESK"
	if os.Getenv(there) != "" {
		return true
	}
	if out, err := lab("desk"); err != nil {
		t.Fatalf("set the agent's machine up: %v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), "nsenter", "--net=/run/netns/jlinc-desk", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), there+"=1", kept+"="+c.socket(t))
	out, err := cmd.CombinedOutput()
	t.Logf("on the agent's machine: %s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Error(err)
	}
	return false
}

// mute hears of a build, and says nothing.
type mute struct{}

func (mute) Step(string)        {}
func (mute) Line(string)        {}
func (mute) Moved(int64, int64) {}

// cutting ends what it hears of, in the middle.
type cutting struct {
	mute
	cut func()
}

func (c cutting) Moved(int64, int64) { c.cut() }

// smallRoot is a root filesystem of busybox alone.
func smallRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("there is no busybox here")
	}
	for _, folder := range []string{"bin", "sbin", "etc", "dev", "proc", "sys", "tmp", "usr"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(root, folder), 0o755))
	}
	if err := errors.Join(err, os.WriteFile(filepath.Join(root, "bin/busybox"), busybox, 0o755), os.Symlink("../bin/busybox", filepath.Join(root, "sbin/init"))); err != nil {
		t.Fatal(err)
	}
	return root
}

// incus runs a command of Incus's own client on a member.
func (c *cluster) incus(t *testing.T, in []byte, argv ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "testdata/cluster", append([]string{"in", "m1", "incus"}, argv...)...)
	cmd.Stdin = bytes.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("incus %v: %v: %s", argv, err, out)
	}
}

// restricted gives a client that the cluster lets into one project.
func (c *cluster) restricted(t *testing.T, project string) *api.Client {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: project},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	c.incus(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), "config", "trust", "add-certificate", "/dev/stdin",
		"--name", project, "--restricted", "--projects", project)
	client, err := api.New(api.Options{Address: "https://10.99.0.1:8443", Project: project, TLS: &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{signed}, PrivateKey: private}}, InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, // #nosec G402 -- it is the test's own
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
