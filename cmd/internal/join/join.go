// Package join has a cluster let this machine in: it makes a client certificate, has the
// cluster trust it by a token, and finds what the configuration has to say of both.
package join

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// Cluster is one, as it is going to be in the configuration.
type Cluster struct {
	config.Engine
	// Bridge is this machine's interface in the network of the containers, and Range what
	// addresses its agent gives them.
	Bridge string
	Range  config.Range

	token api.Token
	own   netip.Prefix
}

// Plan gives the cluster of a token, as far as it is known without it. Files go into folder,
// whose names have to be free; owner may be left out. Nothing is done yet.
func Plan(token, addresses, owner, folder string, force bool) (*Cluster, error) {
	t, err := api.ParseToken(token)
	if err != nil {
		return nil, exit.Usagef("--token: %w", err)
	}
	c := &Cluster{token: t, Engine: config.Engine{Kind: config.EngineIncus, Address: "https://" + t.Addresses[0], Owner: owner, Project: "default", Pool: "default"}}
	if owner == "" {
		c.Owner = t.Name
	}
	if err := c.Range.UnmarshalText([]byte(addresses)); err != nil || c.Range.IsZero() {
		return nil, exit.Usagef("--range %q: give the addresses that no other agent gives, and no DHCP server: 10.88.0.128-10.88.0.159 or the like", addresses)
	}
	if c.Bridge, c.own, err = interfaceOf(c.Range); err != nil {
		return nil, err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return nil, err
	}
	for name, file := range map[string]*string{"client.crt": &c.Certificate, "client.key": &c.Key, "cluster.crt": &c.ServerCertificate} {
		*file = filepath.Join(folder, name)
		if _, err := os.Lstat(*file); !errors.Is(err, fs.ErrNotExist) && !force {
			return nil, exit.Usagef("%s is there already, and stays as it is: write to another folder with -o FILE, or all anew with --force", *file)
		}
	}
	return c, nil
}

// interfaceOf gives the interface of this machine that is in the network of these addresses,
// with its own one.
func interfaceOf(r config.Range) (name string, own netip.Prefix, err error) {
	all, err := net.Interfaces()
	if err != nil {
		return "", own, err
	}
	for _, i := range all {
		addresses, err := i.Addrs()
		if err != nil {
			continue // it is gone
		}
		for _, a := range addresses {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Contains(r.First) && p.Contains(r.Last) {
				return i.Name, p, nil
			}
		}
	}
	return "", own, exit.Usagef("no interface of this machine has an address in the network of %s: docs/cluster.md says how to make one in that of the cluster's containers", r.First)
}

// Join has the cluster trust this machine, and writes the certificates. Who is not let in
// leaves no file.
func (c *Cluster) Join(ctx context.Context) (err error) {
	own, files, err := c.makeCertificate()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			for _, file := range []string{c.Certificate, c.Key, c.ServerCertificate} {
				_ = os.Remove(file) // as far as it is there
			}
		}
	}()
	for _, file := range []string{c.Key, c.Certificate} { // before the token is spent
		if err := write(file, files[file]); err != nil {
			return err
		}
	}
	address, cluster, err := c.token.Join(ctx, own)
	if err != nil {
		return fmt.Errorf("have the cluster trust this machine: %w", err)
	}
	c.Address = address
	if err := write(c.ServerCertificate, &pem.Block{Type: "CERTIFICATE", Bytes: cluster.Raw}); err != nil {
		return err
	}
	c.look(ctx, own, cluster)
	return nil
}

// look finds what the cluster has for this machine, as far as it says so: else that is the
// usual, and the doctor's matter.
func (c *Cluster) look(ctx context.Context, own tls.Certificate, cluster *x509.Certificate) {
	o := api.Options{Address: c.Address, TLS: api.Pinned(own, func(its *x509.Certificate) error {
		if !its.Equal(cluster) {
			return errors.New("who answers has another certificate than before")
		}
		return nil
	})}
	ask := func(about func(*api.Client) error) error {
		client, err := api.New(o)
		if err != nil {
			return err
		}
		defer client.Close()
		return about(client)
	}
	err := ask(func(in *api.Client) error {
		projects, err := in.Projects(ctx)
		if len(projects) > 0 && !slices.Contains(projects, c.Project) { // the certificate is restricted to them
			c.Project = projects[0]
		}
		return err
	})
	o.Project = c.Project
	if err == nil {
		_ = ask(func(in *api.Client) error { return c.lookInto(ctx, in) })
	}
}

// lookInto looks at the project.
func (c *Cluster) lookInto(ctx context.Context, in *api.Client) error {
	pool, err := in.RootPool(ctx)
	if err == nil && pool != "" {
		c.Pool = pool
	}
	addresses, failed := in.NetworkAddresses(ctx)
	for _, p := range addresses {
		if p.Masked() == c.own.Masked() && p.Addr() != c.own.Addr() {
			c.Nameserver = p.Addr().String()
		}
	}
	return errors.Join(err, failed)
}

// write writes a file that nobody else reads.
func write(file string, block *pem.Block) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { // #nosec G301 -- as /etc/jarloop is
		return err
	}
	return renameio.WriteFile(file, pem.EncodeToMemory(block), 0o600)
}

// makeCertificate makes the client's, signed by itself, for ten years as Incus's own client
// does.
func (c *Cluster) makeCertificate() (own tls.Certificate, files map[string]*pem.Block, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return own, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return own, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: c.Owner, Organization: []string{"jarloop"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0), // clocks may differ a little
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return own, nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return own, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: private}, map[string]*pem.Block{
		c.Certificate: {Type: "CERTIFICATE", Bytes: signed}, c.Key: {Type: "PRIVATE KEY", Bytes: key},
	}, nil
}
