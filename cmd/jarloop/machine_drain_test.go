package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// drainTest has a service that does not heed the signal to end, and two clients
// whose connections are open across the switch: one makes its request then, the
// other never does.
func (f *faulty) drainTest(t *testing.T) {
	const drain = 2 * time.Second
	from := f.agent.now()
	f.saveConfig(replace(t, f.small("standby = false", fmt.Sprintf("drain = %q", drain)), map[string]string{
		`"httpd -f`: `"trap '' TERM; exec httpd -f`,
	}))
	f.agent.await(from, "retired", "page")
	inside := func(argv ...string) []string {
		return append([]string{"lxc-attach", "-P", f.LXC, "-n", f.live()["page"], "--"}, argv...)
	}
	f.must(inside("killall", "-TERM", "httpd")...)
	f.version() // it serves all the same
	late, idle := f.connect(), f.connect()
	f.agent.eventually("both have been let in", func() bool {
		out, err := f.VM(f.ctx, inside("netstat", "-tn")...).Output()
		return err == nil && strings.Count(string(out), "ESTABLISHED") == 2
	})
	from = f.agent.now()
	live := f.deploy()
	if live.Message != "live" {
		t.Fatalf("the agent said %s", live.text)
	}
	f.serves(f.saved)
	if _, err := fmt.Fprintf(late, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Error(err)
	}
	if answer, err := io.ReadAll(late); err != nil || !strings.Contains(string(answer), fmt.Sprintf(`"version":"%d"`, f.saved-1)) {
		t.Errorf("on a connection that was open before the switch: %q, %v", answer, err)
	}
	if n, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the idle connection gave %d bytes, %v", n, err)
	}
	if cut := time.Since(live.at); cut < drain {
		t.Errorf("it was cut off %s after the switch", cut)
	}
	l := f.agent.await(from, "retired", "page")
	if !strings.HasPrefix(l.Reason, "cut off a connection ") {
		t.Errorf("the agent said %s", l.text)
	}
	if took := l.at.Sub(live.at); took > drain+15*time.Second { // ten that it has to end, and the rest
		t.Errorf("it was gone %s after the switch", took)
	}
}

// connect opens a connection to the published port.
func (f *faulty) connect() net.Conn {
	f.t.Helper()
	conn, err := f.Client(true).Transport.(*http.Transport).DialContext(f.ctx, "tcp4", lab.Address+":80")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		f.t.Fatal(err)
	}
	return conn
}
