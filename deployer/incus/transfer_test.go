package incus_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// artefact makes a folder with one that cannot be compressed, and gives what sha256sum
// says of it inside.
func artefact(t *testing.T, size int) (source, want string) {
	t.Helper()
	source = t.TempDir()
	text := make([]byte, size)
	if _, err := rand.Read(text); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, "app.jar"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return source, fmt.Sprintf("%x  /srv/app/app.jar\n", sha256.Sum256(text))
}

// by gives a client that asks another address.
func by(t *testing.T, address string) *api.Client {
	t.Helper()
	client, err := api.New(api.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// TestLargeArtefactsArriveWholeThroughASlowLine has them go from one member to another, on
// which the instance is, over a line that traffic control makes slow: they take longer
// than nothing may be heard.
func TestLargeArtefactsArriveWholeThroughASlowLine(t *testing.T) {
	b := newBench(t)
	if err := b.boot(t.Context(), t, b.engine(t), "large-1"); err != nil {
		t.Fatal(err)
	}
	on, asked := b.memberOf(t, b.owner, "large-1"), "m1"
	if on == asked {
		asked = "m2"
	}
	address, err := lab("socket", asked)
	if err != nil {
		t.Fatal(err)
	}
	e := b.engineBy(t, by(t, address), b.owner)
	const most = 3 * time.Second
	e.SetStalled(most)
	t.Cleanup(func() {
		if out, err := lab("slow", on, "10gbit"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	for _, c := range []struct {
		size int
		rate string
		took time.Duration // at least, for the line
	}{{10 << 20, "16mbit", 5 * time.Second}, {100 << 20, "160mbit", 5 * time.Second}} {
		if out, err := lab("slow", on, c.rate); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		source, want := artefact(t, c.size)
		began := time.Now()
		if err := e.Install(t.Context(), "large-1", source, "/srv/app", deployer.Command{Line: "true"}); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		t.Logf("%d MiB were installed in %s through %s", c.size>>20, took, c.rate)
		if took < c.took || took < most {
			t.Errorf("%d MiB took %s: the line is not slow", c.size>>20, took)
		}
		out, err := e.Run(t.Context(), "large-1", []string{"sha256sum", "/srv/app/app.jar"})
		if err != nil || string(out) != want {
			t.Errorf("there is %q, %v; want %q", out, err, want)
		}
	}
	// What holds little takes little of the line.
	source := t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "app.jar"), []byte(strings.Repeat("a line of text\n", 4<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := lab("slow", on, "16mbit"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	began := time.Now()
	if err := e.Install(t.Context(), "large-1", source, "/srv/app", deployer.Command{Line: "true"}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 15*time.Second { // 60 MiB, which take 31 s as they are
		t.Errorf("60 MiB of the same took %s", took)
	}
}

// TestATransferThatIsCutGoesOnFromWhereItWas has all connections of the agent be cut when
// some of an artefact is there.
func TestATransferThatIsCutGoesOnFromWhereItWas(t *testing.T) {
	b := newBench(t)
	if err := b.boot(t.Context(), t, b.engine(t), "cut-1"); err != nil {
		t.Fatal(err)
	}
	line := newLine(t, strings.TrimPrefix(b.socket(t), "unix:"))
	e := b.engineBy(t, by(t, "unix:"+line.address), b.owner)
	const size, slack = 16 << 20, 3 << 20
	source, want := artefact(t, size)
	install := func() {
		t.Helper()
		if err := e.Install(t.Context(), "cut-1", source, "/srv/app", deployer.Command{Line: "true"}); err != nil {
			t.Fatal(err)
		}
		out, err := e.Run(t.Context(), "cut-1", []string{"sha256sum", "/srv/app/app.jar"})
		if err != nil || string(out) != want {
			t.Errorf("there is %q, %v; want %q", out, err, want)
		}
	}
	line.cutAfter.Store(8 << 20)
	install()
	if sent := line.sent.Load(); line.cuts.Load() != 1 || sent < size || sent > size+slack {
		t.Errorf("%d bytes were sent for %d, and %d times all was cut", sent, size, line.cuts.Load())
	}
	before := line.sent.Load()
	install()
	if sent := line.sent.Load() - before; sent > 1<<20 {
		t.Errorf("%d bytes were sent again of what is there", sent)
	}
}

// line passes connections on to a socket, counts what is sent there, and cuts all of them
// once when it is so much.
type line struct {
	address        string
	sent, cutAfter atomic.Int64
	cuts           atomic.Int64
	mu             sync.Mutex
	open           map[net.Conn]bool
	end            func()
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l := &line{address: filepath.Join(t.TempDir(), "s"), open: map[net.Conn]bool{}}
	listener, err := net.Listen("unix", l.address)
	if err != nil {
		t.Fatal(err)
	}
	l.end = func() { listener.Close(); l.cut() }
	t.Cleanup(l.end)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			other, err := net.Dial("unix", to)
			if err != nil {
				conn.Close()
				continue
			}
			l.mu.Lock()
			l.open[conn], l.open[other] = true, true
			l.mu.Unlock()
			go l.pass(other, conn, true)
			go l.pass(conn, other, false)
		}
	}()
	return l
}

func (l *line) pass(to, from net.Conn, counted bool) {
	defer func() {
		to.Close()
		from.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, from)
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if counted {
			if after, sent := l.cutAfter.Load(), l.sent.Add(int64(n)); after > 0 && sent >= after && l.cutAfter.CompareAndSwap(after, 0) {
				l.cuts.Add(1)
				l.cut()
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		conn.Close()
	}
}

// TestASecondDeploySendsOnlyWhatChanged has two generations of a service run with the same
// libraries, and another artefact each.
func TestASecondDeploySendsOnlyWhatChanged(t *testing.T) {
	b := newBench(t)
	line := newLine(t, strings.TrimPrefix(b.socket(t), "unix:"))
	e := b.engineBy(t, by(t, "unix:"+line.address), b.owner)
	const library, app, slack = 8 << 20, 1 << 20, 1 << 20
	shared := []string{"3f/one.jar", "3f/two.jar"}
	want := ""
	for _, name := range shared {
		text := make([]byte, library)
		if _, err := rand.Read(text); err != nil {
			t.Fatal(err)
		}
		want += fmt.Sprintf("%x  %s/%s\n", sha256.Sum256(text), deployer.SharedFolder, name)
		if err := e.Share(t.Context(), name, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	for n, most := range []int64{2*library + app, app} {
		name := fmt.Sprintf("libs-%d", n+1)
		if err := b.boot(t.Context(), t, e, name); err != nil {
			t.Fatal(err)
		}
		source, appSum := artefact(t, app)
		before := line.sent.Load()
		began := time.Now()
		if err := e.Install(t.Context(), name, source, "/srv/app", deployer.Command{Line: "true", Shared: shared}); err != nil {
			t.Fatal(err)
		}
		sent := line.sent.Load() - before
		t.Logf("%s on %s: %d bytes in %s", name, b.memberOf(t, b.owner, name), sent, time.Since(began))
		if sent < app || sent > most+slack {
			t.Errorf("%d bytes were sent to %s, which lacks %d", sent, name, most)
		}
		argv := []string{"sha256sum", deployer.SharedFolder + "/" + shared[0], deployer.SharedFolder + "/" + shared[1], "/srv/app/app.jar"}
		if out, err := e.Run(t.Context(), name, argv); err != nil || string(out) != want+appSum {
			t.Errorf("%s has %q, %v; want %q", name, out, err, want+appSum)
		}
	}
}
