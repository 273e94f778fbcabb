package config

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/jarloop/jarloop/deployer"
)

// Health is what proves a new generation.
type Health struct {
	// The port that is asked, such as an admin port. Default: the service's own.
	Port int
	// What is requested of the port, to be answered with a status below 300. Default: the
	// port only has to accept a connection, which it may do long before the application
	// answers.
	Path string
	// How it is requested. The certificate is not verified.
	Scheme string
	// The method of the request.
	Method string
	// The host that the request names. Default: the address.
	Host string
	// Further headers of the request.
	Headers map[string]string
	// The statuses that are healthy, as in ["200", "2xx", "200-399"]. Default: below 300.
	Status []string
	// A shell command line, run inside, that has to end with status 0.
	Command string
	// A regular expression that a line of the output has to match.
	Log string
	// How long the process has to live.
	Up Duration
	// How long one try may take.
	TryTimeout Duration
	// How long a new generation may take until all that is given is so.
	Timeout Duration
}

func (h *Health) keys() []key {
	return []key{
		{name: "port", to: &h.Port, like: "8081", limits: "1 to 65535", is: "a port", change: live},
		{name: "path", to: &h.Path, like: `"/"`, wrong: badHealthPath, change: live},
		{name: "scheme", to: &h.Scheme, preset: `"http"`, values: []string{"http", "https"}, change: live},
		{name: "method", to: &h.Method, preset: `"GET"`, wrong: badMethod, change: live},
		{name: "host", to: &h.Host, like: `"localhost"`, wrong: badHost, change: live},
		{name: "headers", to: &h.Headers, like: `{ Accept = "application/json" }`, wrong: badHeader, change: live},
		{name: "status", to: &h.Status, like: `["2xx"]`, wrong: badStatus, change: live},
		{name: "command", to: &h.Command, like: `"pg_isready"`, wrong: empty("give a command, or leave it out"), change: live},
		{name: "log", to: &h.Log, like: `"Started .* in"`, wrong: badExpression, change: live},
		{name: "up", to: &h.Up, like: `"5s"`, limits: "100ms to 1h", change: live},
		{name: "try_timeout", to: &h.TryTimeout, preset: `"2s"`, limits: "100ms to 10m", change: live},
		{name: "timeout", to: &h.Timeout, preset: `"60s"`, limits: "100ms to 1h", change: live},
	}
}

// check reports what does not go together.
func (h *Health) check(r *report, n *node, worker bool) {
	if at := n.at("path"); worker && at.given && !at.known() && h.Port == 0 && h.Path != "" {
		r.add(at, "is asked of a port, and without one the service is a worker, since health has command, log or up; "+
			"add port to the service, or port = 8081 or the like to health")
	}
	for _, name := range []string{"scheme", "method", "host", "headers", "status"} {
		if at := n.at(name); at.given && !at.known() && h.Path == "" {
			r.add(at, `is of a request, and none is made; add path = "/" or the like, or leave it out`)
		}
	}
	if at := n.at("up"); !at.known() && h.Up.Duration > 0 && h.Up.Duration >= h.Timeout.Duration {
		r.add(at, "%s can never be reached within timeout = %q; give a longer timeout", h.Up, h.Timeout)
	}
	if at := n.at("try_timeout"); at.given && !at.known() && h.TryTimeout.Duration > h.Timeout.Duration {
		r.add(at, "%s is longer than timeout = %q, which is of all tries; give less", h.TryTimeout, h.Timeout)
	}
}

// Proof is what the keys say, as a deploy sees it.
func (h *Health) Proof() deployer.Health {
	proof := deployer.Health{
		Port: uint16(h.Port), Path: h.Path, HTTPS: h.Scheme == "https", Method: h.Method, Host: h.Host, Headers: h.Headers,
		Command: h.Command, Log: h.Log, Up: h.Up.Duration,
		TryTimeout: min(h.TryTimeout.Duration, h.Timeout.Duration), Timeout: h.Timeout.Duration,
	}
	for _, text := range h.Status {
		status, _ := deployer.ParseStatusRange(text) // which has been checked
		proof.Status = append(proof.Status, status)
	}
	return proof
}

func badHealthPath(p string) string {
	if p == "" {
		return ""
	}
	if !strings.HasPrefix(p, "/") {
		return fmt.Sprintf(`%q does not begin with a slash; write it like "/health"`, p)
	}
	if _, err := url.ParseRequestURI(p); err != nil || strings.ContainsAny(p, " #") {
		return fmt.Sprintf(`%q is not the path of a request; write it like "/health"`, p)
	}
	return ""
}

func badMethod(method string) string {
	if !httpguts.ValidHeaderFieldName(method) || method != strings.ToUpper(method) || method == http.MethodConnect {
		return fmt.Sprintf(`%q is not the method of a request; write it like "GET" or "HEAD"`, method)
	}
	return ""
}

func badHost(host string) string {
	if u, err := url.Parse("http://" + host + "/"); host == "" || err != nil || u.Host != host {
		return fmt.Sprintf(`%q is not a host, with or without a port; write it like "localhost:8080"`, host)
	}
	return ""
}

// badHeader looks at NAME: VALUE.
func badHeader(header string) string {
	name, value, _ := strings.Cut(header, ": ")
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return fmt.Sprintf("%q is not the name of a header", name)
	case !httpguts.ValidHeaderFieldValue(value):
		return fmt.Sprintf("%q is not the value of a header", value)
	case http.CanonicalHeaderKey(name) == "Host":
		return fmt.Sprintf("is not sent; write host = %q beside headers", value)
	}
	return ""
}

func badStatus(status string) string {
	if _, err := deployer.ParseStatusRange(status); err != nil {
		return err.Error() + `; write it like "200", "2xx" or "200-399"`
	}
	return ""
}

func badExpression(text string) string {
	if text == "" {
		return `"" matches every line; give what a line has when the service is ready, or leave it out`
	}
	_, err := regexp.Compile(text)
	if wrong := (*syntax.Error)(nil); errors.As(err, &wrong) {
		return fmt.Sprintf("%q is not a regular expression (%s); put a backslash before what is meant as it stands", text, wrong.Code)
	}
	return ""
}
