package console

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
)

// inside says that this test runs where /run is its own.
const inside = "JARLOOP_TEST_JOURNAL"

// TestTheJournalHasLinesWithFields plays journald, in a mount namespace where the
// place of its socket is free.
func TestTheJournalHasLinesWithFields(t *testing.T) {
	if os.Getenv(inside) == "" {
		if os.Geteuid() != 0 {
			t.Skip("mounting needs root")
		}
		cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private",
			"sh", "-ec", `mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/journal; exec "$0" -test.v -test.run "^`+t.Name()+`$"`, os.Args[0])
		cmd.Env = append(os.Environ(), inside+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "\nfrontend live     frontend-9  ") {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	const place = "/run/systemd/journal/socket"
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: place, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var st syscall.Stat_t
	if err := syscall.Fstat(1, &st); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", st.Dev, st.Ino))
	c := New(os.Stdout, []string{"frontend", "web"}, false)
	wait := c.Detach()
	c.Say("version 1.0")
	c.Warn("web", "its folder is gone")
	c.Changed("web", "web.jar (12 kB)")
	c.Event(deployer.Event{Kind: deployer.Deploying, Service: "web", Generation: "web-2"})
	c.Event(deployer.Event{Kind: deployer.WentLive, Service: "web", Generation: "web-2", Set: set, Address: "10.0.3.9:80", Took: time.Second})
	c.Line(deployer.Line{Service: "web", Generation: "web-2", File: "access.log", Text: "GET /", Coloured: red + "GET /" + reset})
	c.Line(deployer.Line{Service: "web", Generation: "web-2", Text: "10%", Unfinished: true})
	c.Event(deployer.Event{Kind: deployer.Failed, Service: "web", Generation: "web-3", Set: set, Step: "prove", Reason: "status 1",
		Serving: "web-2", Tail: []string{"java.lang.Error", "\tat Main"}})
	for range 5 * mostPerSecond / 100 {
		c.Line(deployer.Line{Service: "frontend", Generation: "frontend-1", Text: "flood"})
	}
	wait()
	var got []string
	for piece := make([]byte, 1<<16); len(got) == 0 || !strings.Contains(got[len(got)-1], "were not shown"); {
		if err := socket.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(piece)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		if text := sent(t, piece[:n]); !strings.Contains(text, " MESSAGE=flood ") {
			got = append(got, text)
		}
	}
	last := got[len(got)-1]
	got = got[:len(got)-1]
	want := []string{
		`PRIORITY=6 MESSAGE=version 1.0 JARLOOP_EVENT=said SYSLOG_IDENTIFIER=jarloop`,
		`PRIORITY=4 MESSAGE=web      warning  its folder is gone JARLOOP_EVENT=warning JARLOOP_SERVICE=web SYSLOG_IDENTIFIER=jarloop`,
		`PRIORITY=6 MESSAGE=web      changed  web.jar (12 kB) JARLOOP_EVENT=changed JARLOOP_SERVICE=web SYSLOG_IDENTIFIER=jarloop`,
		`PRIORITY=6 MESSAGE=web      live     web-2  3fa2c1d0  10.0.3.9:80  1.00 s JARLOOP_ADDRESS=10.0.3.9:80 JARLOOP_EVENT=live JARLOOP_GENERATION=web-2 JARLOOP_SERVICE=web JARLOOP_SET=3fa2c1d0e5b49687 JARLOOP_TOOK_MS=1000 SYSLOG_IDENTIFIER=jarloop`,
		`PRIORITY=6 MESSAGE=access.log: GET / JARLOOP_FILE=access.log JARLOOP_GENERATION=web-2 JARLOOP_SERVICE=web SYSLOG_IDENTIFIER=jarloop-web`,
		"PRIORITY=3 MESSAGE=web      FAILED   3fa2c1d0  status 1  (web-2 still serves)\njava.lang.Error\n\tat Main" +
			" JARLOOP_EVENT=failed JARLOOP_GENERATION=web-3 JARLOOP_REASON=status 1 JARLOOP_SERVICE=web JARLOOP_SERVING=web-2 JARLOOP_SET=3fa2c1d0e5b49687 JARLOOP_STEP=prove JARLOOP_TAIL=java.lang.Error\n\tat Main SYSLOG_IDENTIFIER=jarloop",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !strings.Contains(last, "lines were not shown; jarloop logs frontend has them") || !strings.HasSuffix(last, " SYSLOG_IDENTIFIER=jarloop") {
		t.Errorf("of a flood the journal is told %q", last)
	}
	// What it does not take goes by the stream.
	socket.Close()
	fmt.Println()
	New(os.Stdout, []string{"frontend"}, false).Event(deployer.Event{Kind: deployer.WentLive, Service: "frontend", Generation: "frontend-9"})
}

// sent gives what was sent to the journal (its native protocol), the fields in order.
func sent(t *testing.T, text []byte) string {
	t.Helper()
	var head, fields []string
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		if name, value, single := strings.Cut(string(line), "="); single {
			line = []byte(name + "=" + value)
		} else {
			n := binary.LittleEndian.Uint64(rest)
			line, rest = []byte(name+"="+string(rest[8:8+n])), rest[8+n+1:]
		}
		text = rest
		if bytes.HasPrefix(line, []byte("PRIORITY=")) || bytes.HasPrefix(line, []byte("MESSAGE=")) {
			head = append(head, string(line))
		} else {
			fields = append(fields, string(line))
		}
	}
	slices.Sort(fields)
	return strings.Join(append(head, fields...), " ")
}
