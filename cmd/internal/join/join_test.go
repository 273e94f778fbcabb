package join

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// fakeCluster lets in whoever has its token, and has these projects.
func fakeCluster(t *testing.T, lets bool, projects ...string) (token string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var metadata any
		status := http.StatusOK
		switch r.URL.Path {
		case "/1.0/certificates":
			if !lets {
				status = http.StatusForbidden
				w.WriteHeader(status)
			}
		case "/1.0/projects":
			all := []map[string]string{}
			for _, name := range projects {
				all = append(all, map[string]string{"name": name})
			}
			metadata = all
		case "/1.0/profiles/default":
			metadata = map[string]any{"devices": map[string]any{"root": map[string]string{"type": "disk", "path": "/", "pool": "fast"}}}
		case "/1.0/networks":
			metadata = []map[string]any{{"name": "eth0"}, {"name": "other", "managed": true}, {"name": "incbr0", "managed": true}}
		case "/1.0/networks/other/state":
			metadata = map[string]any{"addresses": []map[string]string{{"family": "inet", "address": "10.9.0.1", "netmask": "24"}}}
		case "/1.0/networks/incbr0/state":
			metadata = map[string]any{"addresses": []map[string]string{
				{"family": "inet6", "address": "fe80::1", "netmask": "64"}, {"family": "inet", "address": "127.0.0.9", "netmask": "8"},
			}}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "sync", "metadata": metadata, "error_code": status, "error": "no"}) // who asked may be gone
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	sum := sha256.Sum256(server.Certificate().Raw)
	text, err := json.Marshal(map[string]any{
		"client_name": "anna", "fingerprint": hex.EncodeToString(sum[:]), "secret": "s", "addresses": []string{strings.TrimPrefix(server.URL, "https://")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

func TestAMachineThatHasJoinedKnowsItsCluster(t *testing.T) {
	for _, test := range []struct {
		projects []string
		project  string
	}{{[]string{"default", "other"}, "default"}, {[]string{"annas"}, "annas"}, {nil, "default"}} {
		folder := filepath.Join(t.TempDir(), "etc")
		c, err := Plan(fakeCluster(t, true, test.projects...), "127.0.0.20-127.0.0.29", "", folder, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a plan makes %s: %v", folder, err)
		}
		if err := c.Join(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := config.Engine{
			Kind: "incus", Address: c.Address, Owner: "anna", Project: test.project, Pool: "fast", Nameserver: "127.0.0.9",
			Certificate: filepath.Join(folder, "client.crt"), Key: filepath.Join(folder, "client.key"), ServerCertificate: filepath.Join(folder, "cluster.crt"),
		}
		if c.Engine != want || c.Bridge != "lo" || !strings.HasPrefix(c.Address, "https://127.0.0.1:") {
			t.Errorf("it is %+v by %s, want %+v", c.Engine, c.Bridge, want)
		}
		if _, err := tls.LoadX509KeyPair(c.Certificate, c.Key); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(c.Key); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key: %v, %v", info.Mode(), err)
		}
		if _, err := Plan(fakeCluster(t, true), "127.0.0.20-127.0.0.29", "", folder, false); exit.Status(err) != exit.Usage || !strings.Contains(err.Error(), "is there already, and stays as it is") {
			t.Errorf("where one has joined: %v", err)
		}
	}
}

func TestWhoIsNotLetInLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	c, err := Plan(fakeCluster(t, false), "127.0.0.20-127.0.0.29", "bert", folder, false)
	if err != nil || c.Owner != "bert" {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := c.Join(t.Context()); err == nil || !strings.Contains(err.Error(), "have the cluster trust this machine") {
		t.Error(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("that leaves %v, %v", left, err)
	}
}

func TestWhatCannotBeJoinedIsSaidBefore(t *testing.T) {
	good := fakeCluster(t, true)
	for want, given := range map[string][2]string{
		"--token: it is no token":                              {"secret", "127.0.0.20-127.0.0.29"},
		`--range "10.88.0.128": give the addresses`:            {good, "10.88.0.128"},
		"no interface of this machine has an address in the n": {good, "203.0.113.1-203.0.113.9"},
	} {
		if _, err := Plan(given[0], given[1], "", t.TempDir(), false); exit.Status(err) != exit.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
