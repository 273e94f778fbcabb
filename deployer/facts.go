package deployer

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// factsTime bounds the look at what a service listens on that is not healthy.
const factsTime = 2 * time.Second

// facts are what a person would look at when a service does not become healthy,
// with what to write in the configuration. answer is the last one.
func (p *finding) facts(ctx context.Context, answer string) (all []string) {
	for _, hint := range []string{p.h.otherScheme(answer), p.h.otherRequest(answer)} {
		if hint != "" {
			all = append(all, hint)
		}
	}
	if p.h.Log != "" && len(p.service.Logs) == 0 && !p.g.output.matched.Load() && len(p.engine.Tail(p.g.Name())) == 0 {
		all = append(all, `it has printed nothing: what it writes to a file counts where logs names that`)
	}
	ctx, cancel := context.WithTimeout(ctx, factsTime)
	defer cancel()
	if listeners, err := p.engine.Listening(ctx, p.g.Name()); err == nil {
		if where := p.where(listeners); where != "" {
			all = append(all, where)
		}
	}
	return all
}

// where says what the service listens on, where that is not what is asked.
func (p *finding) where(all []Listener) string {
	if p.service.Worker && p.h.Port == 0 {
		return ""
	}
	key, asked := "port", p.service.Port
	if p.h.Port != 0 {
		key, asked = "health.port", p.h.Port
	}
	asked = cmp.Or(asked, p.port)
	local := func(l Listener) bool { return !l.UDP && l.Addr.Addr().IsLoopback() }
	open := portsOf(all, func(l Listener) bool { return !l.UDP && !local(l) })
	inside := slices.DeleteFunc(slices.Clone(all), func(l Listener) bool { return !local(l) || slices.Contains(open, l.Addr.Port()) })
	slices.SortFunc(inside, func(a, b Listener) int { return a.Addr.Compare(b.Addr) })
	at := slices.IndexFunc(inside, func(l Listener) bool { return l.Addr.Port() == asked })
	udp := portsOf(all, func(l Listener) bool { return l.UDP })
	others := slices.DeleteFunc(slices.Clone(open), func(port uint16) bool { return port == asked })
	switch {
	case slices.Contains(open, asked) && (len(others) == 0 || p.h.Path == ""):
		return ""
	case slices.Contains(open, asked):
		return fmt.Sprintf("it listens on %s too: health.port = %d asks there", numbers(others), others[0])
	case at >= 0:
		return fmt.Sprintf("it listens on %s only: have it listen on 0.0.0.0", inside[at].Addr)
	case len(open) > 0 && asked != 0:
		return fmt.Sprintf("it listens on %s, not on %d: %s = %d", numbers(open), asked, key, open[0])
	case len(open) > 0: // of a debugger or the like
		return fmt.Sprintf("it listens on %s: port = %d", numbers(open), open[0])
	case len(inside) > 0:
		return fmt.Sprintf("it listens on %s only: have it listen on 0.0.0.0", inside[0].Addr)
	case len(udp) > 0:
		return fmt.Sprintf("it listens on UDP %s and on no TCP port%s", numbers(udp), p.worker())
	}
	if p.service.finds() {
		return strings.TrimPrefix(p.worker(), ": ")
	}
	return "it listens on nothing yet: its last lines say what it waits for, and a slow start needs a longer health.timeout"
}

// worker says what to write of a service without a port.
func (p *finding) worker() string {
	if !p.service.finds() {
		return ""
	}
	return `: a service that never does is a worker, which health = { up = "5s" } proves, or command, or log`
}

// statusOf finds in an answer its status, and where it redirects to.
var statusOf = regexp.MustCompile(`^[A-Z]+ \S+: ([1-5]\d\d)\b(?:[^:]*: redirects to "(/[^"]*)")?`)

// aboutHost is what a server says that looks at the name by which it is asked.
var aboutHost = regexp.MustCompile(`(?i)\bhost\b`)

// otherRequest says what to ask instead, by the status of an answer.
func (h Health) otherRequest(answer string) string {
	found := statusOf.FindStringSubmatch(answer)
	if found == nil {
		return ""
	}
	switch status, to := found[1], found[2]; {
	case status == "404":
		return fmt.Sprintf(`it has nothing at %s: another health.path, such as /actuator/health of Spring Boot, or health.status = ["200-499"] for any answer`, h.Path)
	case status == "401", status == "403":
		return `it wants to know who asks: health.headers, or health.status = ["2xx", "401", "403"]`
	case status == "421", status == "400" && aboutHost.MatchString(answer):
		return "it does not answer by this name: health.host"
	case status == "405":
		return "it wants another health.method"
	case to != "":
		return fmt.Sprintf(`health.path = %q asks there, or health.status = ["200-399"] takes that for an answer`, to)
	}
	return ""
}

// plainToTLS is how servers answer a plain request that expect TLS: by an alert
// (RFC 8446, section 6), or as Go, nginx and Tomcat do.
var plainToTLS = regexp.MustCompile(`malformed HTTP response "\\x15\\x03|HTTP request (was sent )?to (an )?HTTPS|requires TLS`)

// wantsCertificate is how servers refuse a handshake without a certificate (RFC 8446,
// section 6.2).
var wantsCertificate = regexp.MustCompile(`remote error: tls: (certificate required|bad certificate|unknown certificate|handshake failure)`)

// otherScheme says that an answer looks like that of the other scheme.
func (h Health) otherScheme(answer string) string {
	switch {
	case !h.HTTPS && plainToTLS.MatchString(answer):
		return `the answer looks like TLS: health.scheme = "https"`
	case h.HTTPS && (strings.Contains(answer, "HTTP response to HTTPS client") || strings.Contains(answer, "does not look like a TLS handshake")):
		return `the answer is not TLS: health.scheme = "http"`
	case wantsCertificate.MatchString(answer):
		return "it wants a certificate of who asks: without health.path the port only has to accept a connection, or health.command asks with one"
	case strings.Contains(answer, "malformed HTTP"), strings.Contains(answer, "net/http: HTTP/1.x transport connection broken"):
		return "what answers there speaks no HTTP/1, as a database, or gRPC: without health.path the port only has to accept a connection, or health.command asks it"
	}
	return ""
}
