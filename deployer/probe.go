package deployer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// probe asks one generation.
type probe struct {
	engine Engine
	g      *Generation
	h      Health
}

// asked is what one try does, for people.
func (p *probe) asked() string {
	if p.h.Path == "" {
		return "connect"
	}
	return p.h.method() + " " + p.h.Path
}

// connect has a port accept a connection, and says nothing.
func (p *probe) connect(ctx context.Context, port uint16) error {
	conn, err := p.engine.Dial(ctx, p.g.Name(), port)
	if err != nil {
		return err
	}
	return conn.Close()
}

// request asks a port once: it accepts a connection, and where a path is given it
// answers a request as it should.
func (p *probe) request(ctx context.Context, port uint16) error {
	if p.h.Path == "" {
		return p.connect(ctx, port)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := p.engine.Dial(ctx, p.g.Name(), port)
		if err != nil {
			return nil, err
		}
		return newPatient(conn), nil
	}
	return p.h.request(ctx, dial, netip.AddrPortFrom(p.g.Address, port))
}

// patient is a connection of which nothing is read before something was asked. Of a
// server that speaks first, as one of mail does, net/http writes a line to the standard
// logger, at each try.
type patient struct {
	net.Conn
	asked chan struct{}
	ask   func()
}

func newPatient(conn net.Conn) *patient {
	asked := make(chan struct{})
	return &patient{conn, asked, sync.OnceFunc(func() { close(asked) })}
}

func (p *patient) Read(b []byte) (int, error) {
	<-p.asked
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	p.ask()
	return p.Conn.Write(b)
}

func (p *patient) Close() error {
	p.ask()
	return p.Conn.Close()
}

func (h Health) method() string { return cmp.Or(h.Method, http.MethodGet) }

// request makes one request. It follows no redirect, since that could lead
// anywhere, and uses no proxy of the agent's environment.
func (h Health) request(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), to netip.AddrPort) error {
	scheme := "http"
	if h.HTTPS {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, h.method(), scheme+"://"+to.String()+h.Path, nil)
	if err != nil {
		return err
	}
	request.Close = true
	request.Host = cmp.Or(h.Host, request.Host)
	for name, value := range h.Headers {
		request.Header.Set(name, value)
	}
	transport := &http.Transport{
		DialContext: dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
		// A development machine has no certificate that could be verified.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: h.serverName()}, //nolint:gosec // as said
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	asked := h.method() + " " + h.Path
	response, err := client.Do(request)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		return fmt.Errorf("%s: %w", asked, failed.Err) // its address is of no use to a person
	} else if err != nil {
		return err
	}
	defer response.Body.Close()
	// An answer counts when it is whole; one without end is none.
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", asked, err)
	case len(body) > most:
		return fmt.Errorf("%s: the answer is longer than %d bytes", asked, most)
	case h.wants(response.StatusCode):
		return nil
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return fmt.Errorf("%s: %s: redirects to %q", asked, response.Status, response.Header.Get("Location"))
	case len(h.Status) > 0:
		return fmt.Errorf("%s: %s, which is not in health.status%s", asked, response.Status, excerpt(body))
	}
	return fmt.Errorf("%s: %s%s", asked, response.Status, excerpt(body))
}

// serverName is the host's name for TLS, which has no port.
func (h Health) serverName() string {
	if name, _, err := net.SplitHostPort(h.Host); err == nil {
		return name
	}
	return h.Host
}

// tag is one of HTML, such as error pages are full of.
var tag = regexp.MustCompile(`<[^>]*>`)

// excerpt is the beginning of an answer's text, to be put behind its status.
func excerpt(body []byte) string {
	const most = 160
	text := strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case c == unicode.ReplacementChar || !unicode.IsPrint(c):
			return -1
		}
		return c
	}, string(body[:min(len(body), 4*most)]))
	text = strings.Join(strings.Fields(tag.ReplaceAllString(text, " ")), " ")
	switch {
	case text == "":
		return ""
	case len([]rune(text)) > most:
		text = string([]rune(text)[:most]) + "…"
	}
	return ": " + text
}
