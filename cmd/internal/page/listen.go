package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/jarloop/jarloop/cmd/internal/control"
)

const (
	// tryEvery is how often it is tried to listen where something else does.
	tryEvery = 5 * time.Second
	// lastWords is how long answers may take that are being given at the end.
	lastWords = time.Second
)

// serve listens where the page is to be, until ctx ends.
func (s *Server) serve(ctx context.Context) {
	var at netip.AddrPort
	var stop func()
	var again <-chan time.Time
	complained := ""
	defer func() {
		if stop != nil {
			stop()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-s.wanted:
			if next == at {
				continue
			}
			if stop != nil {
				stop()
				stop = nil
			}
			at, complained = next, ""
		case <-again:
		}
		again = nil
		if !at.IsValid() {
			s.Say("there is no page: page.listen is off")
			continue
		}
		var err error
		if stop, err = s.listen(ctx, at); err == nil {
			s.sayWhere(at)
			continue
		}
		stop = nil
		if text := err.Error(); text != complained {
			s.Warn(text)
			complained = text
		}
		again = time.After(tryEvery)
	}
}

// sayWhere says where the page is, loudly where others reach it.
func (s *Server) sayWhere(at netip.AddrPort) {
	if s.Secret {
		s.Say("page: " + s.address().URL)
	} else {
		s.Say("page: http://" + shownAs(at).String() + "/ (jarloop page prints its token)")
	}
	if !at.Addr().IsLoopback() {
		s.Warn(fmt.Sprintf("the page listens on %s, where others than this machine reach it: whoever has its token can do what root can, "+
			"and the network between sees it; page.listen = \"127.0.0.1:%d\" is for this machine alone", at, at.Port()))
	}
}

// address gives where the page is wanted, and its token.
func (s *Server) address() control.Page {
	token := s.door.now.Load().token
	at := s.hub.system.Load().Listen
	if !at.IsValid() {
		return control.Page{Token: token}
	}
	return control.Page{URL: "http://" + shownAs(at).String() + "/#token=" + token, Token: token}
}

// shownAs is an address that a browser can open.
func shownAs(at netip.AddrPort) netip.AddrPort {
	if at.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
	}
	return at
}

// listen begins to serve at an address. stop ends it, with all that it answers.
func (s *Server) listen(ctx context.Context, at netip.AddrPort) (stop func(), err error) {
	// An address of the other family is another one: 0.0.0.0 is not [::].
	network := "tcp4"
	if at.Addr().Is6() {
		network = "tcp6"
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, network, at.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("no page: something else listens on %s; end it, or give another address to page.listen (\"off\" for none)", at)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("no page: %s is no address of this machine; give another to page.listen (\"off\" for none)", at.Addr())
	case err != nil:
		return nil, fmt.Errorf("no page: %w; give another address to page.listen (\"off\" for none)", err)
	}
	serving, end := context.WithCancel(ctx)
	server := &http.Server{
		Handler:           s.handler(at),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second, // of a request
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return context.WithValue(serving, endingKey{}, serving) },
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.conns.Add(1)
			case http.StateClosed:
				s.conns.Add(-1)
			}
		},
		ErrorLog: log.New(io.Discard, "", 0), // of clients, who could fill it
	}
	var over sync.WaitGroup
	over.Go(func() {
		// A listener that fails says so to nobody: what is live goes on without a page.
		if err := server.Serve(netutil.LimitListener(near{l}, mostConnections)); !errors.Is(err, http.ErrServerClosed) {
			s.Warn("the page is served no more: " + err.Error())
		}
	})
	return func() {
		end() // streams say so, and end
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // those that took longer are cut off
		}
		over.Wait()
	}, nil
}

// mostUnderWay is what the kernel keeps of an answer, in bytes, for who takes it slowly.
// By itself it keeps megabytes, of which the last are minutes old when they are seen.
const mostUnderWay = 16 << 10

// near accepts clients of this machine alone where it listens on loopback. Containers
// come to 127.0.0.1 of this machine too, since the bridge has route_localnet set.
type near struct{ net.Listener }

func (n near) Accept() (net.Conn, error) {
	for {
		conn, err := n.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at, okAt := conn.LocalAddr().(*net.TCPAddr)
		from, okFrom := conn.RemoteAddr().(*net.TCPAddr)
		if okAt && okFrom && (!at.IP.IsLoopback() || from.IP.IsLoopback()) {
			if tcp, is := conn.(*net.TCPConn); is {
				_ = tcp.SetWriteBuffer(mostUnderWay) // without it, all is later, and nothing worse
			}
			return conn, nil
		}
		conn.Close()
	}
}
