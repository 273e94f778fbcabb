package page

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

func TestASystemIsInTheOrderOfCalls(t *testing.T) {
	c, err := config.Parse("config.toml", []byte(`
[external.payments]
address = "10.0.2.2:9000"
[service.web]
port = 80
needs = ["frontend", "person"]
[service.frontend]
port = 8081
needs = ["person", "payments"]
knows = ["web"]
[service.person]
port = 8082
data = ["/data"]
env = { TOKEN = "hunter" }
[service.mails]
health = { up = "2s" }
[[publish]]
port = 8080
service = "web"
`))
	if err != nil {
		t.Fatal(err)
	}
	s := SystemOf(c, c.Ports("eth0"))
	layers, at := map[string]int{}, map[string]int{}
	for i, one := range s.Services {
		layers[one.Name], at[one.Name] = one.Layer, i
	}
	if diff := cmp.Diff(map[string]int{"web": 0, "frontend": 1, "person": 2, "mails": 0}, layers); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	if at["web"] > at["frontend"] || at["frontend"] > at["person"] {
		t.Errorf("the order is %v", at)
	}
	web, person := s.Services[at["web"]], s.Services[at["person"]]
	if diff := cmp.Diff([]Published{{Port: 8080, Protocol: "tcp", Interface: "eth0"}}, web.Published); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if web.NeededBy[0] != "frontend" || !person.Data || person.Replace != "stop-first" || s.Services[at["mails"]].Kind != "worker" ||
		len(s.Externals) != 1 || s.Listen.String() != "127.0.0.1:8079" {
		t.Errorf("the system is %+v", s)
	}
	if strings.Contains(string(encoded(s)), "hunter") {
		t.Error("a value of the environment is in it")
	}
}

// far is a connection that comes from elsewhere, though it comes to loopback.
type far struct {
	net.Conn
	from net.Addr
}

func (f far) RemoteAddr() net.Addr { return f.from }

// queue accepts what is in it.
type queue struct {
	net.Listener
	conns []net.Conn
}

func (q *queue) Accept() (net.Conn, error) {
	if len(q.conns) == 0 {
		return nil, io.EOF
	}
	next := q.conns[0]
	q.conns = q.conns[1:]
	return next, nil
}

func TestOnLoopbackNobodyElseIsAccepted(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dial := func() net.Conn {
		if _, err := net.Dial("tcp4", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	container, own := far{dial(), &net.TCPAddr{IP: net.IPv4(10, 0, 3, 128)}}, dial()
	n := near{&queue{conns: []net.Conn{container, own}}}
	if got, err := n.Accept(); got != own || err != nil {
		t.Errorf("accepted %v, %v", got, err)
	}
	if _, err := container.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("one that comes from a container is not closed: %v", err)
	}
}

func TestThePageMovesAndSaysWhatIsInTheWay(t *testing.T) {
	r := newRig(t)
	other, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := other.Addr().(*net.TCPAddr).AddrPort()
	l := r.open("/api/events")
	l.next("snapshot")
	r.Configure(System{Listen: taken})
	l.next("bye")
	r.await("it says what is in the way", func() bool { return r.says("something else listens on " + taken.String()) })
	if _, err := net.Dial("tcp4", r.at.String()); err == nil {
		t.Error("it listens where it did")
	}
	free := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t))
	r.Configure(System{Listen: free})
	r.await("it listens there", func() bool { return r.says("page: http://" + free.String()) })
	r.Configure(System{})
	r.await("it says that there is none", func() bool { return r.says("there is no page") })
	r.Configure(System{Listen: netip.MustParseAddrPort("192.0.2.1:8079")})
	r.await("it says what is no address of this machine", func() bool { return r.says("192.0.2.1 is no address of this machine") })
	other.Close()
	anywhere := netip.AddrPortFrom(netip.IPv4Unspecified(), freePort(t))
	r.Configure(System{Listen: anywhere})
	r.await("it says loudly who reaches it", func() bool { return r.says("whoever has its token can do what root can") })
	r.url = "http://127.0.0.1:" + strings.Split(anywhere.String(), ":")[1]
	if status, _, _ := r.do(http.MethodGet, "/api/state", ""); status != 200 {
		t.Errorf("there: %d", status)
	}
}

// BenchmarkTenReaders is what an event and a change of one of forty services cost those
// who tell them, with
// ten who read.
func BenchmarkTenReaders(b *testing.B) {
	for _, readers := range []int{0, 10} {
		b.Run(map[int]string{0: "nobody", 10: "ten"}[readers], func(b *testing.B) { benchmark(b, readers) })
	}
}

func benchmark(b *testing.B, readers int) {
	f := &fake{}
	system := System{}
	shown := fleet(&system, 40)
	f.shown.Store(&shown)
	h := newHub(f, system)
	ctx, cancel := context.WithCancel(b.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		h.run(ctx)
	}()
	defer func() { cancel(); <-over }()
	for range readers {
		a, ok := h.ask(ctx, true)
		if !ok {
			b.Fatal("no answer")
		}
		go func() {
			for range a.reader.frames {
			}
		}()
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		next := slices.Clone(shown)
		changed := *next[n%len(next)]
		changed.Since = time.Now()
		next[n%len(next)] = &changed
		f.shown.Store(&next)
		h.nudge()
		h.tell([]byte(`{"level":"info","message":"live","service":"s"}`))
	}
}
