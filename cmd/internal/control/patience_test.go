package control

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestADeployEndsWhenWhoeverAskedForItLeaves(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error, 1)
	s := serve(t, fake{deploy: func(ctx context.Context, _ []string) ([]Outcome, error) {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, err := client(t, s.path).Deploy(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the client says %v", err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the agent was told %v", err)
		}
	case <-time.After(soon):
		t.Error("the agent was not told")
	}
}

// pipes is a listener whose clients need no kernel, so that their waits can
// take place in a synctest bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p pipes) client() *Client {
	return &Client{path: "pipe", http: http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			p <- theirs
			return ours, nil
		},
	}}}
}

func TestADeployMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 30 * time.Minute
		var clients sync.WaitGroup
		server := newServer(t.Context(), fake{deploy: func(ctx context.Context, _ []string) ([]Outcome, error) {
			select {
			case <-time.After(long):
				return []Outcome{{Service: "web", Took: long}}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}, &clients)
		l := make(pipes)
		go func() { _ = server.Serve(l) }() // ends with l, below
		outcomes, err := l.client().Deploy(t.Context(), nil)
		if err != nil || len(outcomes) != 1 || outcomes[0].Took != long {
			t.Errorf("%v, %v", outcomes, err)
		}
		clients.Wait()
		close(l)
	})
}

func TestStatusDoesNotWaitForAnAgentThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes)
		go func() { // it takes the request, and says nothing
			conn := <-l
			_, _ = io.Copy(io.Discard, conn)
		}()
		started := time.Now()
		_, err := l.client().Status(t.Context())
		if want := "ask the agent on pipe: no answer within 10s"; err == nil || err.Error() != want || time.Since(started) != patience {
			t.Errorf("after %s: %v, want %s", time.Since(started), err, want)
		}
	})
}
