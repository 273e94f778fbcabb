package deployer

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"unicode"
)

// ask asks the port once: it accepts a connection, and where a path is given it
// answers a request as it should.
func (p *proof) ask(ctx context.Context) error {
	port := cmp.Or(p.h.Port, p.g.Port)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return p.Engine.Dial(ctx, p.g.Name(), port)
	}
	if p.h.Path == "" {
		conn, err := dial(ctx, "", "")
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return p.h.request(ctx, dial, netip.AddrPortFrom(p.g.Address, port))
}

// request makes one request. It follows no redirect, since that could lead
// anywhere, and uses no proxy of the agent's environment.
func (h Health) request(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), to netip.AddrPort) error {
	scheme, method := "http", cmp.Or(h.Method, http.MethodGet)
	if h.HTTPS {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, method, scheme+"://"+to.String()+h.Path, nil)
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
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// An answer counts when it is whole; one without end is none.
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	asked := method + " " + h.Path
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
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case text == "":
		return ""
	case len([]rune(text)) > most:
		text = string([]rune(text)[:most]) + "…"
	}
	return ": " + text
}
