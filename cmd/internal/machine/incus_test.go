package machine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// pair writes a certificate that is signed by itself, with its key.
func pair(t *testing.T, dir, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: bytes}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// TestTheClusterIsKnownByItsCertificate asks a server that wants the client's, as Incus does.
func TestTheClusterIsKnownByItsCertificate(t *testing.T) {
	dir := t.TempDir()
	clientCertificate, clientKey := pair(t, dir, "client")
	certificate, key := pair(t, dir, "cluster")
	other, _ := pair(t, dir, "other")
	mine, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	asked := ""
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.TLS.PeerCertificates[0].Subject.CommonName + " " + r.URL.Query().Get("project")
		_, _ = w.Write([]byte(`{"type": "sync", "metadata": []}`))
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{mine}, ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	guest := filepath.Join(dir, "guest")
	if err := os.WriteFile(guest, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &config.Config{State: dir, Engine: config.Engine{
		Kind: config.EngineIncus, Address: server.URL, Certificate: clientCertificate, Key: clientKey,
		ServerCertificate: certificate, Project: "shop", Owner: "anna", Pool: "default", Guest: guest,
	}}
	ask := func() error {
		e, err := Engine(c, netip.Prefix{})
		if err != nil {
			return err
		}
		defer e.Close()
		_, err = e.List(t.Context())
		return err
	}
	if err := ask(); err != nil || asked != "client shop" {
		t.Errorf("asked by %q: %v", asked, err)
	}
	for _, test := range []struct {
		name, want string
		spoil      func(*config.Engine)
	}{
		{"another certificate", "who answers has another certificate than " + other, func(e *config.Engine) { e.ServerCertificate = other }},
		{"one that nobody has signed", "certificate", func(e *config.Engine) { e.ServerCertificate = "" }},
		{"a key in its place", clientKey + " is no certificate in PEM", func(e *config.Engine) { e.ServerCertificate = clientKey }},
		{"no certificate", "read engine.certificate and engine.key: open /nowhere", func(e *config.Engine) { e.Certificate = "/nowhere" }},
		{"no program for guests", "make install puts it there, and engine.guest says where it is else", func(e *config.Engine) { e.Guest = "/nowhere" }},
	} {
		was := c.Engine
		asked = ""
		test.spoil(&c.Engine)
		if err := ask(); err == nil || !strings.Contains(err.Error(), test.want) || asked != "" {
			t.Errorf("%s: asked by %q: %v", test.name, asked, err)
		}
		c.Engine = was
	}
}

func TestWhyTheClusterLetsNothingBeDoneIsSaidWithWhatHelps(t *testing.T) {
	c := &config.Config{Engine: config.Engine{Kind: config.EngineIncus, Address: "https://m1:8443", Certificate: "/etc/jarloop/client.crt"}}
	for want, err := range map[string]error{
		"on a member: incus config trust add-certificate /etc/jarloop/client.crt":   &api.Error{Status: http.StatusForbidden, Text: "not authorized"},
		"incus cluster list, on a member, says which members are missing":           &api.Error{Status: http.StatusServiceUnavailable, Text: "no leader"},
		"no route to host: incus cluster list, on a member, says which members are": errors.New("no route to host"),
	} {
		if got := Away(c, err); !strings.Contains(got, want) || !strings.Contains(got, err.Error()) {
			t.Errorf("of %v it is %q", err, got)
		}
	}
}
