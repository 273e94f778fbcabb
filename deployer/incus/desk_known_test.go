package incus_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// letIn has the cluster trust a certificate of the agent's, and the agent that of the
// cluster.
func (d *desk) letIn() {
	d.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: d.owner},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		d.t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		d.t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	d.file("client.crt", certificate)
	d.file("client.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	d.trust()
	own, err := lab("in", "m1", "cat", "/srv/incus/cluster.crt")
	if err != nil {
		d.t.Fatalf("read the cluster's certificate: %v: %s", err, own)
	}
	d.file("cluster.crt", []byte(own+"\n"))
}

// trust has the cluster trust the certificate, in a project of its own for that alone.
func (d *desk) trust() {
	d.t.Helper()
	certificate := d.certificate()
	add := "cat >/tmp/desk.crt && incus config trust add-certificate /tmp/desk.crt --name " + d.owner
	if d.project != "default" {
		add += " --restricted --projects " + d.project
	}
	trust := exec.Command("testdata/cluster", "in", "m1", "sh", "-c", add)
	trust.Stdin = bytes.NewReader(certificate)
	if out, err := trust.CombinedOutput(); err != nil {
		d.t.Fatalf("have the cluster trust the agent: %v: %s", err, out)
	}
}

func (d *desk) configure(back string) {
	d.file("config.toml", []byte(strings.NewReplacer("BACK", back, "DIR", d.dir, "GUEST", d.cluster.program, "OWNER", d.owner, "PROJECT", d.project,
		"RANGE", fmt.Sprintf("10.88.0.%d-10.88.0.%d", d.gives[0], d.gives[1])).Replace(`
state = "DIR/state"
run = "DIR/run"
[watch]
dir = "DIR/host"
[engine]
kind = "incus"
address = "https://10.99.0.1:8443"
certificate = "DIR/client.crt"
key = "DIR/client.key"
server_certificate = "DIR/cluster.crt"
owner = "OWNER"
project = "PROJECT"
pool = "fast"
nameserver = "10.88.0.1"
guest = "GUEST"
[lxc]
bridge = "mesh0"
range = "RANGE"
[page]
listen = "off"
[base.base]
[service.back]
BACK
port = 8080
drain = "2s"
health = { path = "/" }
[service.front]
exec = "cp pair /tmp/pair && chmod +x /tmp/pair && exec /tmp/pair http://back:8080/"
port = 8080
needs = ["back"]
drain = "2s"
health = { path = "/" }
[[publish]]
interface = "eth0"
port = 80
service = "front"
[[publish]]
interface = "eth0"
port = 81
service = "back"
`)))
}

// distrust takes that back.
func (d *desk) distrust() {
	d.t.Helper()
	block, _ := pem.Decode(d.certificate())
	if out, err := lab("in", "m1", "incus", "config", "trust", "remove", fmt.Sprintf("%x", sha256.Sum256(block.Bytes))); err != nil {
		d.t.Errorf("take the certificate of %s away: %v: %s", d.owner, err, out)
	}
}

func (d *desk) certificate() []byte {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "client.crt"))
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}
