package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// quick is how long a call may take that waits for nothing.
	quick = 20 * time.Second
	// tries is how often a call that only reads is made.
	tries = 3
	// maxAnswer is how long an answer may be.
	maxAnswer = 64 << 20
)

// Options say where the API is.
type Options struct {
	// Address is unix:/path/to/unix.socket, or https://member:8443.
	Address string
	// TLS has the client's certificate, and what the server's is checked with.
	TLS *tls.Config
	// Others is a file in which the client keeps where the other members answer, to ask
	// them when that at Address does not; "" asks nobody else.
	Others string
	// Project is what all calls are about; "" is the default one.
	Project string
}

// Client makes the calls. It may be used by several goroutines.
type Client struct {
	base    *url.URL
	members *addresses // nil with a socket
	http    *http.Client
	direct  *http.Client // for calls that say which member is asked
	project string
	quick   time.Duration
}

// New gives a client. It does not connect yet; the caller closes it.
func New(o Options) (*Client, error) {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     time.Minute,
		TLSHandshakeTimeout: quick,
		TLSClientConfig:     o.TLS,
	}
	c := &Client{
		base: &url.URL{Scheme: "http", Host: "incus"}, http: &http.Client{Transport: transport}, project: o.Project, quick: quick,
	}
	if path, is := strings.CutPrefix(o.Address, "unix:"); is {
		path = "/" + strings.TrimLeft(path, "/")
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: quick}).DialContext(ctx, "unix", path)
		}
		return c, nil
	}
	u, err := url.Parse(o.Address)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%q is no address of Incus: write unix:/path/to/unix.socket or https://member:8443", o.Address)
	}
	c.base = &url.URL{Scheme: "https", Host: u.Host}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "443")
	}
	c.members = newAddresses(u.Host, o.Others)
	transport.DialContext = c.members.dial
	direct := transport.Clone()
	direct.DialContext = c.members.connect
	c.direct = &http.Client{Transport: direct}
	return c, nil
}

// Project is what all calls are about.
func (c *Client) Project() string { return cmp.Or(c.project, "default") }

// Close lets go of idle connections.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	if c.direct != nil {
		c.direct.CloseIdleConnections()
	}
}

// call is one of HTTP.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         any       // JSON
	raw          io.Reader // else
	most         time.Duration
	at           string // the address that is asked; "": what answered last
}

func (c *Client) url(at, path string, query url.Values) string {
	u := *c.base
	if at != "" {
		u.Host = at
	}
	u.Path = path
	values := url.Values{}
	for key, value := range query {
		values[key] = value
	}
	if c.project != "" {
		values.Set("project", c.project)
	}
	u.RawQuery = values.Encode()
	return u.String()
}

// answer is the envelope of the API's answers.
type answer struct {
	Type      string          `json:"type"`
	Operation string          `json:"operation"`
	Status    int             `json:"error_code"`
	Error     string          `json:"error"`
	Metadata  json.RawMessage `json:"metadata"`
}

// do makes a call and reads its answer. The ETag is of what was read. What only looks is
// tried again, where there was no answer in time, too: a busy member may have forgotten it.
// What changes something is not, and gets the time of all tries.
func (c *Client) do(ctx context.Context, k call) (answer, string, error) {
	if k.most == 0 && k.method == http.MethodGet {
		k.most = c.quick
	}
	if k.most == 0 {
		k.most = tries * c.quick
	}
	late := unanswered{fmt.Errorf("incus: %s %s: no answer within %s", k.method, k.path, k.most)}
	for n := 1; ; n++ {
		within, cancel := context.WithTimeoutCause(ctx, k.most, late)
		a, etag, err := c.once(within, k)
		cancel()
		if err == nil {
			return a, etag, nil
		}
		if cause := context.Cause(ctx); cause != nil {
			return a, "", cause
		}
		_, answered := errors.AsType[*Error](err)
		if !answered && c.members != nil && c.members.leave() {
			c.http.CloseIdleConnections() // which are with the member that is left
		}
		if answered || k.method != http.MethodGet || n == tries {
			return a, "", err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(n) * 50 * time.Millisecond):
		}
	}
}

func (c *Client) once(ctx context.Context, k call) (a answer, etag string, err error) {
	body, header, err := c.send(ctx, k)
	if err != nil {
		return a, "", err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		return a, "", unanswered{fmt.Errorf("incus: %s %s: %w", k.method, k.path, err)}
	}
	if len(text) > maxAnswer {
		return a, "", &Error{Call: k.method + " " + k.path, Text: "an answer of more than 64 MiB"}
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, "", &Error{Call: k.method + " " + k.path, Text: "no JSON: " + err.Error()}
	}
	if a.Type == "error" { // what is waited for may fail when its 200 has been sent
		return a, "", &Error{Call: k.method + " " + k.path, Status: a.Status, Text: a.Error}
	}
	return a, header.Get("ETag"), nil
}

// send makes one request, and gives its body if it went well. The caller closes it.
func (c *Client) send(ctx context.Context, k call) (io.ReadCloser, http.Header, error) {
	body := k.raw
	if k.body != nil {
		text, err := json.Marshal(k.body)
		if err != nil {
			return nil, nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, k.method, c.url(k.at, k.path, k.query), body)
	if err != nil {
		return nil, nil, err
	}
	for key, value := range k.header {
		r.Header[key] = value
	}
	if k.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	client := c.http
	if k.at != "" {
		client = c.direct
	}
	response, err := client.Do(r)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, nil, cause
		}
		return nil, nil, unanswered{fmt.Errorf("incus: %w", err)}
	}
	if response.StatusCode < http.StatusBadRequest {
		return response.Body, response.Header, nil
	}
	defer response.Body.Close()
	var a answer
	text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // what can be read of it
	if json.Unmarshal(text, &a) != nil || a.Error == "" {
		a.Error = response.Status
	}
	return nil, nil, &Error{Call: k.method + " " + k.path, Status: response.StatusCode, Text: a.Error}
}

// get reads something as JSON.
func (c *Client) get(ctx context.Context, path string, query url.Values, into any) (etag string, err error) {
	return c.getWithin(ctx, c.quick, path, query, into)
}

func (c *Client) getWithin(ctx context.Context, most time.Duration, path string, query url.Values, into any) (etag string, err error) {
	a, etag, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query, most: most})
	if err != nil {
		return "", err
	}
	return etag, a.into("GET "+path, into)
}

// into reads what was asked for by a call.
func (a answer) into(call string, what any) error {
	if err := json.Unmarshal(a.Metadata, what); err != nil {
		return &Error{Call: call, Text: "another answer than expected: " + err.Error()}
	}
	return nil
}
