package page

import (
	"errors"
	"net"
	"os"
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
