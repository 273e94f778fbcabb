package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// TestClientsThatKeepTheirConnection has clients that stay over a switch: some of
// HTTP/2 that ask without a pause, a download, and a connection that was upgraded.
func TestClientsThatKeepTheirConnection(t *testing.T) {
	s := newStreams(t)
	t.Run("of a service that shuts down as servers do, nobody sees an error", func(t *testing.T) {
		asking, download, socket := s.ask(), s.download(3*time.Second), s.upgrade()
		from := s.agent.now()
		s.write(filepath.Join(s.folder, "end"), "die") // what the next one does
		s.write(filepath.Join(s.folder, "version"), "2")
		s.agent.await(from, "live", "page")
		socket("1 still answers")
		if text := download(); !strings.HasPrefix(text, "11") || strings.Contains(text, "2") || !strings.HasSuffix(text, "end") {
			t.Errorf("the download across the switch is %q", text)
		}
		s.agent.await(from, "retired", "page")
		asking.until(t, "2", 0)
	})
	t.Run("of one that dies when it is asked to end, only what is under way fails", func(t *testing.T) {
		asking := s.ask()
		from := s.agent.now()
		s.write(filepath.Join(s.folder, "end"), "refuse")
		s.write(filepath.Join(s.folder, "version"), "3")
		s.agent.await(from, "retired", "page")
		asking.until(t, "3", clients)
	})
	t.Run("of one that refuses what comes when it was asked to end, nobody is refused", func(t *testing.T) {
		asking := s.askInTurn()
		from := s.agent.now()
		s.write(filepath.Join(s.folder, "version"), "4")
		s.agent.await(from, "live", "page")
		asking.serving(t, "3") // since they have kept their connections
		s.agent.await(from, "retired", "page")
		asking.until(t, "4", 0)
	})
}

// streams is a service of which testdata/streams is the program.
type streams struct {
	*system
	folder string // of its artefacts
}

func newStreams(t *testing.T) *streams {
	s := &streams{system: newLab(t, false)}
	s.LXC = filepath.Join(s.Dir, "lxc")
	s.folder = filepath.Join(s.Share, "volume-page")
	if err := os.MkdirAll(s.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(s.ctx, "go", "build", "-o", filepath.Join(s.folder, "streams"), "./testdata/streams")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.write(filepath.Join(s.folder, "version"), "1")
	s.write(s.config, replace(t, s.small("standby = false", "drain = \"4s\"\nhealth = { path = \"/version\" }"), map[string]string{"httpd -f -p 8080 -h /page": "/page/streams"}))
	s.run()
	s.agent.await(0, "live", "page")
	return s
}

// clients is how many ask at once.
const clients = 4

// asking is requests of HTTP/2 without end, all on one connection as long as it lasts.
type asking struct {
	mu     sync.Mutex
	last   string
	sent   int
	failed []string
	stop   func()
}

func (s *streams) ask() *asking {
	transport := &http.Transport{Protocols: new(http.Protocols), DialContext: s.dial}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return s.askBy(transport, 0, func(c *http.Client) (string, error) {
		return text(c.Get("http://" + lab.Address + "/version"))
	})
}

// askInTurn asks what must not be asked twice, on connections that are kept from one
// request to the next one after a pause.
func (s *streams) askInTurn() *asking {
	return s.askBy(&http.Transport{DialContext: s.dial, MaxIdleConnsPerHost: clients}, 50*time.Millisecond, func(c *http.Client) (string, error) {
		return text(c.Post("http://"+lab.Address+"/version", "text/plain", strings.NewReader("a request")))
	})
}

func (s *streams) askBy(transport *http.Transport, pause time.Duration, ask func(*http.Client) (string, error)) *asking {
	ctx, cancel := context.WithCancel(s.ctx)
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	a := &asking{}
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(pause) {
				answer, err := ask(client)
				a.mu.Lock()
				a.sent++
				if a.last = answer; err != nil {
					a.failed = append(a.failed, time.Now().Format("15:04:05.000 ")+err.Error())
				}
				a.mu.Unlock()
			}
		})
	}
	a.stop = func() { cancel(); group.Wait(); transport.CloseIdleConnections() }
	return a
}

// serving says whether a version has answered last.
func (a *asking) serving(t *testing.T, version string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last != version {
		t.Errorf("%q answers, and not %q: this tests nothing", a.last, version)
	}
}

// until waits until a version answers and says whether no more have failed than may.
func (a *asking) until(t *testing.T, version string, most int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		a.mu.Lock()
		last := a.last
		a.mu.Unlock()
		if last == version {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("%q answers a minute after the old one has gone, and not %q", last, version)
			break
		}
	}
	a.stop()
	t.Logf("%d requests, %d failed: %s", a.sent, len(a.failed), strings.Join(a.failed, "; "))
	if len(a.failed) > most {
		t.Errorf("%d requests failed, more than %d: %s", len(a.failed), most, strings.Join(a.failed, "\n"))
	}
}

// dial connects as the laptop.
func (s *streams) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return s.Client(true).Transport.(*http.Transport).DialContext(ctx, network, address)
}

func text(r *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode >= http.StatusBadRequest {
		err = errors.New(r.Status)
	}
	return string(body), err
}

// download begins one that takes a while, and gives what waits for its end.
func (s *streams) download(length time.Duration) func() string {
	s.t.Helper()
	r, err := s.Client(true).Get(fmt.Sprintf("http://%s/download?for=%s", lab.Address, length)) //nolint:bodyclose // text closes it
	if err != nil {
		s.t.Fatal(err)
	}
	return func() string {
		s.t.Helper()
		all, err := text(r, nil)
		if err != nil {
			s.t.Errorf("the download broke off: %v", err)
		}
		return all
	}
}

// upgrade opens a connection that a WebSocket would be, and gives what asks on it.
func (s *streams) upgrade() func(string) {
	s.t.Helper()
	conn, err := s.dial(s.ctx, "tcp4", lab.Address+":80")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	fmt.Fprint(conn, "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	for line := ""; line != "\r\n"; {
		if line, err = in.ReadString('\n'); err != nil {
			s.t.Fatal(err)
		}
	}
	return func(say string) {
		s.t.Helper()
		fmt.Fprintln(conn, say)
		if answer, err := in.ReadString('\n'); err != nil || answer != say+"\n" {
			s.t.Errorf("on the upgraded connection: %q, %v", answer, err)
		}
	}
}
