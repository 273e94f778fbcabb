//go:build cgo

package lxc

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// elsewhere moves the test's thread into a network namespace of its own, and
// gives the thread's ID, which stands for the init of a container. The thread
// ends with the test.
func elsewhere(t *testing.T) int {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	runtime.LockOSThread()
	space, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { space.Close() })
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	return unix.Gettid()
}

// service is one that takes connections and says nothing.
type service struct {
	t        *testing.T
	listener net.Listener
	port     uint16
}

func listen(t *testing.T, kind, address string) *service {
	t.Helper()
	l, err := net.Listen(kind, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &service{t, l, netip.MustParseAddrPort(l.Addr().String()).Port()}
}

// connect gives both ends of a new connection to the service.
func (s *service) connect(kind, host string) (client, server net.Conn) {
	s.t.Helper()
	client, err := net.DialTimeout(kind, net.JoinHostPort(host, strconv.Itoa(int(s.port))), soon)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { client.Close() })
	server, err = s.listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { server.Close() })
	return client, server
}

func TestConnectionsAreThoseOfThePortThatAreOpen(t *testing.T) {
	init := elsewhere(t)
	want := func(port uint16, want int) {
		t.Helper()
		got, err := 0, error(nil)
		for deadline := time.Now().Add(soon); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if got, _, err = connections(init, port); err != nil || got == want {
				break
			}
		}
		if err != nil || got != want {
			t.Errorf("%d connections, %v; want %d", got, err, want)
		}
	}
	old, jvm := listen(t, "tcp4", "127.0.0.1:0"), listen(t, "tcp", "[::]:0")
	want(old.port, 0) // listening is no connection

	client, _ := old.connect("tcp4", "127.0.0.1")
	_, server := old.connect("tcp4", "127.0.0.1")
	want(old.port, 2)
	want(jvm.port, 0)
	jvm.connect("tcp4", "127.0.0.1") // which the JVM sees as ::ffff:127.0.0.1
	jvm.connect("tcp6", "::1")
	want(jvm.port, 2)

	// The other end of a connection is one of another port.
	want(netip.MustParseAddrPort(client.LocalAddr().String()).Port(), 1)

	client.Close()
	want(old.port, 1)
	server.Close()
	want(old.port, 0)
	want(jvm.port, 2)

	other := exec.CommandContext(t.Context(), "cat")
	other.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if got, _, err := connections(startCat(t, other), jvm.port); err != nil || got != 0 {
		t.Errorf("%d connections in another container, %v", got, err)
	}
}

// A connection is busy from the request to the answer: an idle one that is kept
// alive is not.
func TestABusyConnectionIsOneThatAwaitsAnAnswer(t *testing.T) {
	init := elsewhere(t)
	s := listen(t, "tcp4", "127.0.0.1:0")
	client, server := s.connect("tcp4", "127.0.0.1")
	want := func(when string, want int) {
		t.Helper()
		var open, busy int
		var err error
		for deadline := time.Now().Add(soon); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if open, busy, err = connections(init, s.port); err != nil || busy == want {
				break
			}
		}
		if err != nil || open != 1 || busy != want {
			t.Errorf("%s: %d of %d are busy, %v; want %d", when, busy, open, err, want)
		}
	}
	want("a new one", 0)
	for i := range 3 {
		if i > 0 { // the first one comes within a tick of the kernel's clock
			time.Sleep(20 * time.Millisecond)
		}
		_, _ = client.Write([]byte("a request"))
		want("not read yet", 1)
		_, _ = server.Read(make([]byte, 100))
		time.Sleep(50 * time.Millisecond)
		want("being thought about", 1)
		_, _ = server.Write([]byte("an answer"))
		want("answered, whether it has arrived or not", 0)
		_, _ = client.Read(make([]byte, 100))
		want("kept alive", 0)
	}
	_ = server.SetWriteDeadline(time.Now().Add(soon))
	big := make(chan error, 1)
	go func() { _, err := server.Write(make([]byte, 32<<20)); big <- err }()
	want("a long answer is under way", 1)
	_, _ = io.CopyN(io.Discard, client, 32<<20)
	if err := <-big; err != nil {
		t.Error(err)
	}
	want("it has arrived", 0)
}

// What is in use is reset at rest; what nobody uses, or has no answer yet, stays.
func TestAConnectionThatIsInUseIsEndedAtRest(t *testing.T) {
	init := elsewhere(t)
	for _, family := range []string{"tcp4", "tcp"} { // to the latter a JVM listens
		s := listen(t, family, map[string]string{"tcp4": "127.0.0.1:0", "tcp": "[::]:0"}[family])
		say := func(from, to net.Conn) {
			t.Helper()
			_ = to.SetReadDeadline(time.Now().Add(soon))
			if _, err := from.Write([]byte("a request, or an answer")); err != nil {
				t.Fatal(err)
			}
			if _, err := to.Read(make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
		_, unused := s.connect("tcp4", "127.0.0.1")
		asks, asked := s.connect("tcp4", "127.0.0.1")
		used, uses := s.connect("tcp4", "127.0.0.1")
		say(asks, asked)
		say(used, uses)
		say(uses, used)
		if err := disconnect(t.Context(), init, s.port); err != nil {
			t.Fatal(err)
		}
		_ = used.SetReadDeadline(time.Now().Add(soon))
		if _, err := used.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: one that is in use is not reset: %v", family, err)
		}
		if open, _, err := connections(init, s.port); err != nil || open != 2 {
			t.Errorf("%s: %d are open, %v; want one that nobody uses, and one without an answer", family, open, err)
		}
		say(asked, asks) // which it still can
		unused.Close()
	}
}

func TestConnectionsOfAContainerThatHasGone(t *testing.T) {
	pid := ended(t)
	if n, _, err := connections(pid, 80); err == nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestConnectionsLeaveNoDescriptorOpen(t *testing.T) {
	init := elsewhere(t)
	s := listen(t, "tcp4", "127.0.0.1:0")
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := open()
	for range 100 {
		if _, _, err := connections(init, s.port); err != nil {
			t.Fatal(err)
		}
	}
	if after := open(); after > before+5 { // the runtime may have opened some of its own
		t.Errorf("%d descriptors are open, %d were before", after, before)
	}
}

// soon bounds the waits for what is at once there.
const soon = 10 * time.Second

// ended gives the ID of a process that has ended.
func ended(t *testing.T) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func startCat(t *testing.T, cmd *exec.Cmd) (pid int) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	return cmd.Process.Pid
}
