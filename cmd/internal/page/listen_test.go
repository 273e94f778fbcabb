package page

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What waits in the kernel cannot be taken back, and is old when it is seen.
func TestLittleIsUnderWayToWhoTakesItSlowly(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil { // it takes nothing
		t.Fatal(err)
	}
	conn, err := near{l}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Write(make([]byte, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n > 4*mostUnderWay {
		t.Errorf("%d bytes wait in the kernel, at most %d are to; %v", n, 4*mostUnderWay, err)
	}
}

// Who takes little at a time is to see soon what is so: at 10 KB a second, what is under
// way is as many seconds old as it has tens of kilobytes.
func TestWhoTakesItSlowlyIsNotFarBehind(t *testing.T) {
	r := newRig(t)
	system := System{Listen: r.at}
	all := fleet(&system, 40)
	r.set(all...)
	r.Configure(system)
	little := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) { // before more is promised
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) }), err)
	}}
	conn, err := little.DialContext(t.Context(), "tcp4", r.at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := r.request(http.MethodGet, "/api/events", "").Write(conn); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReaderSize(conn, 1<<10)
	readTo(t, in, "event: snapshot")

	other := r.open("/api/events")
	other.next("snapshot")
	for n := range 1000 {
		s := *all[n%len(all)]
		s.Generation, s.Restarts = fmt.Sprintf("%s-%d", s.Service, n), n
		all[n%len(all)] = &s
		r.set(all...)
		r.Tell(fmt.Appendf(nil, `{"message":"event %d"}`, n))
		other.next("event")
	}
	if behind := readTo(t, in, "event 999"); behind > 128<<10 {
		t.Errorf("it is %d bytes behind", behind)
	}
}

// readTo reads up to the first line that has a text, and gives how many bytes that is.
func readTo(t *testing.T, in *bufio.Reader, text string) (n int) {
	t.Helper()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		n += len(line)
		if strings.Contains(line, text) {
			return n
		}
	}
}
