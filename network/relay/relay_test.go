package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// asRelay and asAgent are arguments by which the test's program is a relay, or an
// agent that holds a service and waits to be killed.
const asRelay, asAgent = "as-relay", "as-agent"

func TestMain(m *testing.M) {
	var err error
	switch os.Args[1] {
	case asRelay:
		err = Serve(context.Background(), os.Stdin, os.Stdout)
	case asAgent:
		var addr netip.AddrPort
		if addr, err = relays(os.Args[2]).Hold(context.Background(), hold); err == nil {
			fmt.Println(addr)
			select {}
		}
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	hold     = deployer.Hold{Service: "person", Limit: time.Minute}
)

func relays(folder string) *Relays {
	return New(Options{Folder: folder, Listen: loopback, Child: []string{os.Args[0], asRelay}})
}

// serving gives a relay of this process for what listens at a port of 127.0.0.1.
func serving(t *testing.T, port uint16, change func(*order, *bounds)) *tested {
	t.Helper()
	o, b := order{Hold: hold, Socket: t.TempDir() + "/s", Listen: loopback}, usual
	b.afterEnd = 0
	if change != nil {
		change(&o, &b)
	}
	r, err := open(o, b)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); r.serve(ctx) }()
	t.Cleanup(func() { cancel(); <-over })
	return &tested{r, netip.AddrPortFrom(loopback, port)}
}

// tested is a relay, and where what it holds is to go.
type tested struct {
	*relay
	next netip.AddrPort
}

func (r *tested) release() { r.do(request{opRelease, r.next}) }

func (r *relay) address() string { return r.listener.Addr().String() }

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func portOf(t *testing.T, address net.Addr) uint16 {
	t.Helper()
	return address.(*net.TCPAddr).AddrPort().Port()
}

// echo serves what it is sent, with a word before it.
func echo(t *testing.T) (port uint16) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "new: ")
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(s.Close)
	return portOf(t, s.Listener.Addr())
}

type result struct {
	text   string
	status int
	after  string // of the header Retry-After
	err    error
}

// post sends a request by a connection of its own.
func post(address, body string) <-chan result {
	done := make(chan result, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
		response, err := client.Post("http://"+address+"/", "text/plain", strings.NewReader(body))
		if err != nil {
			done <- result{err: err}
			return
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		done <- result{string(text), response.StatusCode, response.Header.Get("Retry-After"), err}
	}()
	return done
}

func TestWhatIsHeldIsAnsweredByWhatComesNext(t *testing.T) {
	r := serving(t, echo(t), nil)
	large := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB, of which 64 KiB are kept
	var all []<-chan result
	for i := range 20 {
		all = append(all, post(r.address(), fmt.Sprint(i)))
	}
	big := post(r.address(), large)
	eventually(t, "21 wait", func() bool { return len(r.slots) == 21 })
	select {
	case got := <-all[0]:
		t.Fatalf("it was answered while there was nobody to answer: %+v", got)
	default:
	}
	r.release()
	for i, done := range all {
		if got := <-done; got.text != fmt.Sprint("new: ", i) {
			t.Errorf("request %d: %+v", i, got)
		}
	}
	if got := <-big; got.text != "new: "+large {
		t.Errorf("the large one: %d bytes, %v", len(got.text), got.err)
	}
	if got := <-post(r.address(), "late"); got.text != "new: late" {
		t.Errorf("one that comes later: %+v", got)
	}
	if held := r.status().Held; held.Connections != 21 || held.Refused != 0 || held.Longest <= 0 || held.Longest > time.Minute {
		t.Errorf("it says of what it held: %+v", held)
	}
}

// A side that has sent all may still receive: both ends are passed on, each by
// itself.
func TestAClientThatHasSentAllStillGetsItsAnswer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, early := range []bool{true, false} {
		t.Run(fmt.Sprintf("sent early %t", early), func(t *testing.T) { halfClosed(t, l, early) })
	}
}

func halfClosed(t *testing.T, l net.Listener, early bool) {
	r := serving(t, portOf(t, l.Addr()), nil)
	c, err := net.Dial("tcp4", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send := func() {
		if _, err := io.WriteString(c, "all of it"); err != nil {
			t.Error(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Error(err)
		}
	}
	if early {
		send()
	}
	eventually(t, "it waits", func() bool { return len(r.slots) == 1 })
	r.release()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if !early {
		send()
	}
	if got, err := io.ReadAll(server); string(got) != "all of it" || err != nil {
		t.Errorf("the server gets %q, %v", got, err)
	}
	_, _ = io.WriteString(server, "the answer")
	server.Close()
	if got, err := io.ReadAll(c); string(got) != "the answer" || err != nil {
		t.Errorf("the client gets %q, %v", got, err)
	}
}

func TestWhatOneSideCutsOffIsCutOffForTheOther(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := serving(t, portOf(t, l.Addr()), nil)
	r.release()
	c, err := net.Dial("tcp4", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{c, server} { // else it is tried once more
		if _, err = conn.Write([]byte("x")); err == nil {
			_, err = map[net.Conn]net.Conn{c: server, server: c}[conn].Read(make([]byte, 1))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = server.(*net.TCPConn).SetLinger(0)
	server.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v", err)
	}
}

// wantRefused wants an answer that one can understand.
func wantRefused(t *testing.T, address string) {
	t.Helper()
	got := <-post(address, strings.Repeat("x", 100<<10))
	if got.status != http.StatusServiceUnavailable || got.after == "" || !strings.HasPrefix(got.text, "person is being replaced") {
		t.Errorf("a request is answered %+v", got)
	}
	c, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = c.Write([]byte("\x00\x01\x02 something else"))
	if n, err := c.Read(make([]byte, 1)); n > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("one that speaks something else gets %d bytes, %v", n, err)
	}
}

func TestMoreThanCanWaitAreTold(t *testing.T) {
	r := serving(t, echo(t), func(_ *order, b *bounds) { b.connections, b.peek = 2, 50*time.Millisecond })
	first, second := post(r.address(), "1"), post(r.address(), "2")
	eventually(t, "two wait", func() bool { return len(r.slots) == 2 })
	wantRefused(t, r.address())
	r.release()
	for i, done := range []<-chan result{first, second} {
		if got := <-done; got.text != fmt.Sprint("new: ", i+1) {
			t.Errorf("request %d: %+v", i, got)
		}
	}
	if held := r.status().Held; held.Connections != 2 || held.Refused != 2 {
		t.Errorf("it says of what it held: %+v", held)
	}
}

// An agent that was killed and has no successor releases nothing: nobody waits for
// ever, and the relay ends.
func TestWhatNobodyReleasesIsToldWhenItsTimeIsOver(t *testing.T) {
	limit := 300 * time.Millisecond
	r := serving(t, echo(t), func(o *order, b *bounds) {
		o.Limit, b.peek, b.forgotten = limit, 50*time.Millisecond, time.Second
	})
	if got := <-post(r.address(), "early"); got.status != http.StatusServiceUnavailable || time.Since(r.began) < limit {
		t.Errorf("after %s: %+v", time.Since(r.began), got)
	}
	wantRefused(t, r.address())
	eventually(t, "it has ended", func() bool {
		c, err := net.Dial("tcp4", r.address())
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

// A generation that is started again may begin to listen only after the release.
func TestWhatDoesNotListenYetIsWaitedFor(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := portOf(t, l.Addr())
	l.Close()
	r := serving(t, port, nil)
	done := post(r.address(), "1")
	eventually(t, "it waits", func() bool { return len(r.slots) == 1 })
	r.release()
	eventually(t, "it waits no longer for the release", func() bool { return len(r.slots) == 0 })
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "late") })}
	if l, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		t.Fatal(err)
	}
	var serves sync.WaitGroup
	serves.Go(func() { _ = server.Serve(l) })
	defer serves.Wait()
	defer server.Close()
	if got := <-done; got.text != "late" {
		t.Errorf("%+v", got)
	}
}

func TestThePortThatWasMeant(t *testing.T) {
	o := order{Hold: deployer.Hold{
		VIP: netip.MustParseAddr("10.0.3.100"), Published: map[uint16]uint16{81: 9090},
	}}
	for meant, want := range map[string]uint16{
		"10.0.3.100:8080": 8080, "10.0.3.100:9090": 9090, "10.0.3.100:81": 81, // a VIP's ports are the service's
		"10.0.4.2:80": 8080, "10.0.4.2:81": 9090, "127.0.0.1:81": 9090, "10.0.3.1:43210": 8080,
	} {
		if got := o.port(netip.MustParseAddrPort(meant), 8080); got != want {
			t.Errorf("who meant %s comes to %d, not %d", meant, got, want)
		}
	}
	if got := o.port(netip.AddrPort{}, 8080); got != 8080 {
		t.Errorf("who meant nothing that is known comes to %d", got)
	}
}

func TestARelayOutlivesItsAgentAndEndsWithItsLastConnection(t *testing.T) {
	folder := t.TempDir()
	agent := exec.Command(os.Args[0], asAgent, folder)
	out, err := agent.StdoutPipe()
	if err == nil {
		agent.Stderr = os.Stderr
		err = agent.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 64)
	n, _ := out.Read(text)
	address := string(bytes.TrimSpace(text[:n]))
	done := post(address, "held")
	if err := errors.Join(agent.Process.Kill(), ignoreExit(agent.Wait())); err != nil {
		t.Fatal(err)
	}

	next := relays(folder)
	first := processOf(t, next)
	holding, err := next.Holding(t.Context())
	if err != nil || holding["person"].Address.String() != address || len(holding) != 1 {
		t.Fatalf("the next agent finds %v, %v, not %s", holding, err, address)
	}
	// When it holds the service anew what was held is not passed on any more.
	again, err := next.Hold(t.Context(), hold)
	if err != nil || again.String() == address {
		t.Fatalf("held again at %s, %v", again, err)
	}
	to := netip.AddrPortFrom(loopback, echo(t))
	mine := post(again.String(), "mine")
	eventually(t, "it waits, and is passed on", func() bool {
		held, err := next.Release(t.Context(), "person", to)
		return err == nil && held.Connections == 1 || len(mine) > 0
	})
	if got := <-mine; got.text != "new: mine" {
		t.Errorf("%+v", got)
	}
	for range 2 { // nothing held is no error
		if err := next.End(t.Context(), "person"); err != nil {
			t.Error(err)
		}
	}
	if holding, err := next.Holding(t.Context()); err != nil || len(holding) > 0 {
		t.Errorf("after the end: %v, %v", holding, err)
	}
	for _, at := range []string{again.String(), address} {
		eventually(t, "nobody listens at "+at, func() bool {
			c, err := net.Dial("tcp4", at)
			if err == nil {
				c.Close()
			}
			return errors.Is(err, syscall.ECONNREFUSED)
		})
	}
	// What the first one still held had to be cut off with it: it is killed here, as
	// by somebody's hand.
	if err := first.Kill(); err != nil {
		t.Errorf("it had ended, with what it held: %v", err)
	}
	if got := <-done; got.err == nil {
		t.Errorf("what a killed relay held is answered %+v", got)
	}
}

// processOf gives the process of the relay that holds person.
func processOf(t *testing.T, r *Relays) *os.Process {
	t.Helper()
	a, err := r.ask(t.Context(), "person", request{Op: opStatus})
	if err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(a.PID)
	if err != nil {
		t.Fatal(err)
	}
	return process
}

func ignoreExit(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

func TestOneThatWasKilledIsNoneAndItsPlaceIsTaken(t *testing.T) {
	r := relays(t.TempDir())
	if _, err := r.Hold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	if err := processOf(t, r).Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is none", func() bool {
		holding, err := r.Holding(t.Context())
		return err == nil && len(holding) == 0
	})
	if _, err := r.Release(t.Context(), "person", netip.AddrPortFrom(loopback, 1)); err == nil {
		t.Error("it can be released")
	}
	if _, err := r.Hold(t.Context(), hold); err != nil {
		t.Error(err)
	}
	if err := r.End(t.Context(), "person"); err != nil {
		t.Error(err)
	}
	if _, err := New(Options{Folder: r.Folder, Listen: netip.MustParseAddr("192.0.2.1"), Child: r.Child}).Hold(t.Context(), hold); err == nil ||
		!strings.Contains(err.Error(), "hold connections to person") {
		t.Errorf("at an address that the machine does not have: %v", err)
	}
}
