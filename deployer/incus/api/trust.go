package api

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Token lets in a client that nobody knows yet, once: it is what "incus config trust add
// NAME" prints.
type Token struct {
	Name        string    `json:"client_name"`
	Fingerprint string    `json:"fingerprint"` // of the cluster's certificate, SHA-256
	Addresses   []string  `json:"addresses"`   // of members, with their ports
	Secret      string    `json:"secret"`
	Expires     time.Time `json:"expires_at"` // zero: never

	text string
}

// ParseToken reads one.
func ParseToken(text string) (t Token, err error) {
	text = strings.TrimSpace(text)
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(decoded, &t)
	}
	if err != nil || t.Fingerprint == "" || t.Secret == "" || len(t.Addresses) == 0 {
		return t, errors.New(`it is no token as "incus config trust add NAME" prints it`)
	}
	t.text = text
	return t, nil
}

// Join has the cluster trust the client's certificate, by the token, and gives the member
// that has answered with the cluster's certificate. The token is shown only to who has that.
func (t Token) Join(ctx context.Context, own tls.Certificate) (address string, cluster *x509.Certificate, err error) {
	if !t.Expires.IsZero() && time.Now().After(t.Expires) {
		return "", nil, fmt.Errorf("the token has expired at %s: make another one", t.Expires.Local().Format(time.DateTime))
	}
	var errs error
	for _, a := range t.Addresses {
		address = "https://" + a
		cluster, err := t.joinAt(ctx, address, own)
		if _, answered := errors.AsType[*Error](err); err == nil || answered {
			return address, cluster, err
		}
		errs = errors.Join(errs, err)
	}
	return "", nil, errs
}

func (t Token) joinAt(ctx context.Context, address string, own tls.Certificate) (cluster *x509.Certificate, err error) {
	c, err := New(Options{Address: address, TLS: Pinned(own, func(its *x509.Certificate) error {
		sum := sha256.Sum256(its.Raw)
		if got := hex.EncodeToString(sum[:]); got != strings.ToLower(t.Fingerprint) {
			return fmt.Errorf("who answers at %s has the certificate %s, and the token is for %s", address, got, t.Fingerprint)
		}
		cluster = its
		return nil
	})})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_, _, err = c.do(ctx, call{method: http.MethodPost, path: "/1.0/certificates", body: map[string]string{"type": "client", "trust_token": t.text}})
	return cluster, err
}

// Pinned is for a client with its own certificate that knows the cluster by that one's: it is
// signed by itself, and names no member that could be asked for. check is nil for the right
// one.
func Pinned(own tls.Certificate, check func(*x509.Certificate) error) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13,
		InsecureSkipVerify: true, // #nosec G402 -- check looks at it
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("who answers has no certificate")
			}
			return check(s.PeerCertificates[0])
		},
	}
}

// NetworkAddresses gives the IPv4 addresses, each with its network, that the member which
// answers has in the networks of instances.
func (c *Client) NetworkAddresses(ctx context.Context) (all []netip.Prefix, err error) {
	var networks []struct {
		Name    string `json:"name"`
		Managed bool   `json:"managed"`
	}
	if _, err := c.get(ctx, "/1.0/networks", url.Values{"recursion": {"1"}}, &networks); err != nil {
		return nil, err
	}
	for _, n := range networks {
		if !n.Managed {
			continue
		}
		var state struct {
			Addresses []struct{ Family, Address, Netmask string }
		}
		if _, err := c.get(ctx, "/1.0/networks/"+url.PathEscape(n.Name)+"/state", nil, &state); err != nil {
			return all, err
		}
		for _, a := range state.Addresses {
			if p, err := netip.ParsePrefix(a.Address + "/" + a.Netmask); err == nil && a.Family == "inet" {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// Projects gives the names of those that the client may see.
func (c *Client) Projects(ctx context.Context) (names []string, err error) {
	var all []struct {
		Name string `json:"name"`
	}
	_, err = c.get(ctx, "/1.0/projects", url.Values{"recursion": {"1"}}, &all)
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names, err
}

// RootPool gives the storage pool of instances that no profile but the default one says it
// for; "" where that says none.
func (c *Client) RootPool(ctx context.Context) (string, error) {
	var p struct {
		Devices Devices `json:"devices"`
	}
	_, err := c.get(ctx, profilePath("default"), nil, &p)
	for _, d := range p.Devices {
		if d["type"] == "disk" && d["path"] == "/" {
			return d["pool"], err
		}
	}
	return "", err
}
