package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// reply is what the sample system says of itself.
type reply struct {
	Service string  `json:"service"`
	Version string  `json:"version"`
	Calls   []reply `json:"calls"`
}

// get asks the sample system from the laptop.
func (s *system) get(client *http.Client, path string) (reply, error) {
	response, err := client.Get("http://" + lab.Address + path)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	if response.StatusCode != http.StatusOK {
		return reply{}, fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	var a reply
	err = json.Unmarshal(body, &a)
	return a, err
}

// versions are the versions of all services that one request came through.
func (a reply) versions() map[string]string {
	all := map[string]string{a.Service: a.Version}
	for _, call := range a.Calls {
		for service, version := range call.versions() {
			all[service] = version
		}
	}
	return all
}

// traffic is requests from the laptop without end, each on a connection of
// its own.
type traffic struct {
	sent    atomic.Int64
	mu      sync.Mutex
	failed  []string
	slowest time.Duration // of those that did not fail
	cancel  context.CancelFunc
	ended   chan struct{}
}

func (s *system) startTraffic(path string) *traffic {
	client := s.Client(false)
	return s.startRequests(5*time.Millisecond, func() error {
		_, err := s.get(client, path)
		return err
	})
}

// startRequests asks again and again, with pauses.
func (s *system) startRequests(pause time.Duration, ask func() error) *traffic {
	ctx, cancel := context.WithCancel(s.ctx)
	t := &traffic{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		for ctx.Err() == nil {
			began := time.Now()
			err := ask()
			t.sent.Add(1)
			t.mu.Lock()
			if err != nil {
				t.failed = append(t.failed, time.Now().Format("15:04:05.000 ")+err.Error())
			} else {
				t.slowest = max(t.slowest, time.Since(began))
			}
			t.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}()
	return t
}

// stop ends the traffic and fails the test if a request failed.
func (t *traffic) stop(tt *testing.T) {
	tt.Helper()
	t.cancel()
	<-t.ended
	tt.Logf("%d requests, the slowest in %s", t.sent.Load(), t.slowest)
	if t.sent.Load() == 0 || len(t.failed) > 0 {
		tt.Errorf("%d of %d requests failed: %s", len(t.failed), t.sent.Load(), strings.Join(t.failed[:min(5, len(t.failed))], "\n"))
	}
}
