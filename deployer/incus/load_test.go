package incus_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// from is the namespace of a machine that is neither the agent's nor a member.
const from = "/run/netns/jlinc-sw"

// within does something in a namespace of the network.
func within(namespace string, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		f, err := os.Open(namespace)
		if err == nil {
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
			f.Close()
		}
		if err == nil {
			err = do()
		}
		done <- err
	}()
	return <-done
}

// dial connects from there.
func dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = within(from, func() (err error) {
		conn, err = (&net.Dialer{FallbackDelay: -1}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// outside asks from there, each time by a connection of its own.
var outside = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}

// published are the ports of the services on the agent's machine.
var published = map[string]string{"front": "80", "back": "81"}

// ask asks a service by its published port: front asks back itself.
func (d *desk) ask(ctx context.Context, service string) (string, error) {
	return ask(ctx, d.host+":"+published[service])
}

// ask asks what answers at an address.
func ask(ctx context.Context, address string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return "", err
	}
	response, err := outside.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	return string(text), err
}

// load is requests without end.
type load struct {
	end    context.CancelFunc
	ended  chan struct{}
	asked  int
	failed []string
}

func (d *desk) load() *load { return d.loadOn("front") }

func (d *desk) loadOn(service string) *load {
	return d.loadAt(d.host+":"+published[service], 5*time.Millisecond)
}

func (d *desk) loadAt(address string, pause time.Duration) *load {
	ctx, end := context.WithCancel(d.t.Context())
	l := &load{end: end, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		for deployer.Pause(ctx, pause) == nil {
			// One that has begun is waited for.
			if _, err := ask(context.WithoutCancel(ctx), address); err != nil {
				l.failed = append(l.failed, time.Now().Format("15:04:05.000 ")+err.Error())
			}
			l.asked++
		}
	}()
	return l
}

// stop ends them; that one failed fails the test.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.end()
	<-l.ended
	t.Logf("%d of %d requests failed", len(l.failed), l.asked)
	if len(l.failed) > 0 || l.asked == 0 {
		t.Errorf("failed: %s", strings.Join(l.failed[:min(5, len(l.failed))], "\n"))
	}
}
