package deployer_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

type netConn = net.Conn

func (e engine) Run(ctx context.Context, name string, argv []string) (out []byte, err error) {
	if argv[0] == "/bin/sh" { // but for a reload_command, it is one of these
		argv = []string{argv[2]}
	}
	err = e.do(ctx, "run", func() error {
		i, err := e.up(name)
		if err != nil {
			return err
		}
		switch argv[0] {
		case "say":
			out = []byte(argv[1] + "\n")
		case "fail":
			return fmt.Errorf("it ended with status %s: failed", argv[1])
		case "sleep", "listen": // of others, whom the engine leaves out
		case "well":
			if i.unit == nil || i.unit.orders["well"] == nil || time.Since(i.unit.began) < delay(i.unit.orders["well"], "after") {
				return errors.New("it ended with status 1: not yet")
			}
		default: // a reload_command
			i.reloads++
			i.cached = i.names
		}
		return nil
	})
	e.lag("told " + name)
	if err == nil && argv[0] == "sleep" {
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	return out[:min(len(out), 64<<10)], err
}

func (e engine) Listening(_ context.Context, name string) (all []deployer.Listener, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, err := e.up(name)
	if err == nil {
		all = i.listeners(i.recorded().Port)
	}
	return all, err
}

// conn is the caller's end of a connection.
type conn struct {
	net.Conn
	closed func()
}

func (c *conn) Close() error {
	c.closed()
	return c.Conn.Close()
}

func (e engine) Dial(ctx context.Context, name string, port uint16) (net.Conn, error) {
	if e.isDead() {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	i, err := e.up(name)
	if err != nil {
		return nil, err
	}
	if !i.listens(port) {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	i.conns[theirs] = port
	go i.unit.converse(theirs)
	return &conn{ours, func() { e.with(func() { delete(i.conns, theirs) }) }}, nil
}

// converse answers the requests of a connection until it is closed.
func (u *unit) converse(c net.Conn) {
	if u.orders["silent"] != nil {
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
		return
	}
	if u.orders["alert"] != nil { // as a JVM does
		_, _ = io.ReadAtLeast(c, make([]byte, 4096), 1)
		_, _ = c.Write([]byte{0x15, 3, 1, 0, 2, 2, 0x46})
		_ = c.Close()
		return
	}
	if words := u.orders["greet"]; words != nil {
		_, _ = io.WriteString(c, strings.Join(words, " ")+"\r\n")
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
		return
	}
	if u.orders["tls"] != nil {
		c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate()}})
	}
	server := &http.Server{Handler: u, ReadHeaderTimeout: time.Hour, ErrorLog: log.New(io.Discard, "", 0)}
	_ = server.Serve(&oneConn{c: c})
}

func (u *unit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := handlers[r.URL.Path]; f != nil {
		f(w, r)
		return
	}
	if u.orders["fatal"] != nil {
		w.Header().Set("Content-Length", "0")
		u.end(w.(http.Flusher).Flush)
	}
	if args := u.orders["answer"]; args != nil {
		status, err := strconv.Atoi(args[0])
		if until := delay(args, "until"); err == nil && (until == 0 || time.Since(u.began) < until) {
			w.WriteHeader(status)
		}
	}
}

// certificate is one of nobody.
var certificate = sync.OnceValue(func() tls.Certificate {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	text, err := x509.CreateCertificate(nil, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}
})

// oneConn is a listener that accepts one connection.
type oneConn struct{ c net.Conn }

func (l *oneConn) Accept() (c net.Conn, err error) {
	if c, l.c = l.c, nil; c == nil {
		return nil, io.EOF
	}
	return c, nil
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// irregular are names inside that lead to no regular file.
var irregular = []string{"/dev/null", "/etc"}

func (e engine) ReadFile(ctx context.Context, name, file string) (text []byte, err error) {
	return text, e.do(ctx, "read", func() error {
		i, err := e.up(name)
		if err != nil {
			return err
		}
		found, there := e.filesOf(i, file)[file]
		if name, of := strings.CutPrefix(file, deployer.SharedFolder+"/"); of {
			var f shared
			f, there = e.shared[name]
			found = f.text
		}
		switch {
		case slices.Contains(irregular, file):
			return fmt.Errorf("%s is no regular file", file)
		case !there:
			return fmt.Errorf("%s: %w", file, fs.ErrNotExist)
		case len(found) > 16<<20:
			return fmt.Errorf("%s is too large", file)
		}
		text = []byte(found)
		return nil
	})
}

func (e engine) WriteFile(ctx context.Context, name, file string, data []byte, _ fs.FileMode) error {
	return e.do(ctx, "write", func() error {
		i, err := e.up(name)
		switch {
		case err != nil:
		case slices.Contains(irregular, file):
			err = fmt.Errorf("%s is no regular file", file)
		case isWithin(file, deployer.SharedFolder):
			err = fmt.Errorf("%s cannot be written", file)
		}
		if err == nil {
			e.filesOf(i, file)[file] = string(data)
		}
		return err
	})
}

func (e engine) Follow(ctx context.Context, name string, o deployer.FollowOptions, line func(deployer.Line)) error {
	service, _ := split(name)
	for over := false; ; {
		e.mu.Lock()
		changed := e.changed
		var all []deployer.Line
		if !e.dead() {
			all = e.unseen(name, o.Files)
		}
		e.mu.Unlock()
		for _, l := range all {
			l.Service, l.Generation = service, name
			line(l)
		}
		if over {
			return nil
		}
		select {
		case <-ctx.Done():
			over = true
		case <-changed:
		}
	}
}

// unseen gives what was printed and added to files since it was asked last.
func (w *world) unseen(name string, patterns []string) (all []deployer.Line) {
	out := w.output[name]
	if out == nil {
		return nil
	}
	fresh := func(file string, lines []string) {
		for _, text := range lines[min(out.told[file], len(lines)):] {
			all = append(all, deployer.Line{File: file, Text: text})
		}
		out.told[file] = len(lines)
	}
	fresh("", out.lines)
	if i := w.instances[name]; i != nil {
		for _, pattern := range patterns {
			for _, file := range i.matching(pattern) {
				fresh(path.Base(file), strings.Split(strings.TrimSuffix(i.files[file], "\n"), "\n"))
			}
		}
	}
	return all
}

func (e engine) Tail(name string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if out := e.output[name]; out != nil {
		return slices.Clone(out.lines[max(0, len(out.lines)-100):])
	}
	return nil
}

func (e engine) Prune(ctx context.Context, service string, keep int) error {
	return e.do(ctx, "prune", func() error {
		var gone []string
		for name := range e.output {
			if of, _ := split(name); of == service && e.instances[name] == nil {
				gone = append(gone, name)
			}
		}
		slices.SortFunc(gone, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(b, a)) })
		for _, name := range gone[min(keep, len(gone)):] {
			delete(e.output, name)
		}
		return nil
	})
}

func (e engine) Connections(ctx context.Context, name string, port uint16) (n, busy int, err error) {
	err = e.do(ctx, "connections", func() error {
		i, err := e.up(name)
		if err != nil {
			return err
		}
		n, busy = i.open, i.busyConns
		for _, p := range i.conns {
			if p == port {
				n++
			}
		}
		return nil
	})
	return n, busy, err
}

func (e engine) Disconnect(ctx context.Context, name string, _ uint16) error {
	return e.do(ctx, "disconnect", func() error {
		i, err := e.up(name)
		if err != nil {
			return err
		}
		i.open, i.used = i.open-i.used, 0
		return nil
	})
}

func (e engine) Memory(_ context.Context, name string) (int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, err := e.up(name)
	if err != nil {
		return 0, err
	}
	return int64(i.starts) * 1000, nil
}

func (e engine) Space(context.Context) ([]deployer.Space, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.space), nil
}

// handlers answer requests for some paths.
var handlers = map[string]http.HandlerFunc{
	"/elsewhere": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/well", http.StatusFound) },
	"/huge": func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 10 { // a gibibyte, if somebody takes it
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
				return
			}
		}
	},
	"/endless": func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("to be continued"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	},
	"/half": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
	},
	"/headers": func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2000 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 100))
		}
	},
	"/down": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("{\"status\":\"DOWN\",\r\n  \"db\":\"\x1brefused\"}"))
	},
	"/strict": func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead || r.Host != "person:80" || r.Header.Get("X-Key") != "1" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, "<html>\n<h1>%s, not HEAD,</h1>of %s</html>", r.Method, r.Host)
		}
	},
	"/mail": func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = c.Write([]byte("220 mail\r\n"))
			_ = c.Close()
		}
	},
}
