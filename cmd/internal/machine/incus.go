package machine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/self"
	"github.com/jarloop/jarloop/deployer/incus"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// Cluster gives the containers of this agent in the cluster, whose gateway is this
// machine's own address in their network. The caller closes it.
func Cluster(c *config.Config, own netip.Prefix) (*incus.Engine, error) {
	client, err := client(c)
	if err != nil {
		return nil, err
	}
	program := c.Engine.Guest
	if program == "" {
		if program, err = self.Guest(); err != nil {
			return nil, err
		}
	}
	o := incus.Options{
		Client: client, Owner: c.Engine.Owner, Logs: folders.Logs(c), Shared: folders.Shared(c), Program: program, Pool: c.Engine.Pool, Gateway: own.Addr(),
	}
	if c.Engine.Nameserver != "" {
		o.Nameserver = netip.MustParseAddr(c.Engine.Nameserver)
	}
	engine, err := incus.New(o)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: make install puts it there, and engine.guest says where it is else", err)
	}
	return engine, err
}

// Keep keeps what another machine could take, until its context has ended. It fails when
// one has. Where that cannot be seen, away is called with why, and with nil when it can
// again.
type Keep func(ctx context.Context, away func(error)) error

// Lease makes the caller the one that works for the owner in the cluster, until it calls
// release; see incus.Lease. Containers of this machine need none, since the lock of the
// folders is enough.
func Lease(ctx context.Context, engine Containers, say func(string)) (keep Keep, release func() error, err error) {
	cluster, is := engine.(*incus.Engine)
	if !is {
		return func(context.Context, func(error)) error { return nil }, func() error { return nil }, nil
	}
	lease, err := cluster.Lease(ctx, thisMachine(), say)
	if err != nil {
		return nil, nil, err
	}
	return lease.Keep, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
		defer cancel()
		return lease.Release(ctx)
	}, nil
}

// releaseWithin is how long the end of an agent waits for its cluster. A lease that is
// not given back lapses.
const releaseWithin = 5 * time.Second

// thisMachine is its name, and what tells it from others of that name. The ID itself is
// nobody else's business (machine-id(5)).
func thisMachine() string {
	name, _ := os.Hostname()
	id, _ := os.ReadFile("/etc/machine-id")
	return fmt.Sprintf("%s %x", cmp.Or(name, "localhost"), sha256.Sum256(append(id, "jarloop"...)))
}

// Away says why nothing can be done in the cluster at the moment, and what helps.
func Away(c *config.Config, err error) string {
	remedy := "incus cluster list, on a member, says which members are missing"
	if api.IsForbidden(err) && c.Engine.TLS() {
		remedy = "on a member: incus config trust add-certificate " + c.Engine.Certificate
	}
	return fmt.Sprintf("nothing can be deployed until the cluster lets this agent work again, and what is live goes on serving: %s: %s", err, remedy)
}

// client gives who asks the cluster.
func client(c *config.Config) (*api.Client, error) {
	e := c.Engine
	o := api.Options{Address: "unix:" + e.Address, Project: e.Project}
	if e.TLS() {
		o.Address = e.Address
		pair, err := tls.LoadX509KeyPair(e.Certificate, e.Key)
		if err != nil {
			return nil, fmt.Errorf("read engine.certificate and engine.key: %w", err)
		}
		o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
		if e.ServerCertificate != "" {
			if o.TLS, err = accept(pair, e.ServerCertificate); err != nil {
				return nil, fmt.Errorf("read engine.server_certificate: %w", err)
			}
			o.Others = folders.Members(c) // which have the same
		}
	}
	return api.New(o)
}

// accept has one certificate accepted and no other.
func accept(own tls.Certificate, file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s is no certificate in PEM", file)
	}
	wanted, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return api.Pinned(own, func(its *x509.Certificate) error {
		if !its.Equal(wanted) {
			return fmt.Errorf("who answers has another certificate than %s", file)
		}
		return nil
	}), nil
}
