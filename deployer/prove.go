package deployer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// Between two requests is a fiftieth of the time that has gone by, within
	// these: what comes up soon is found soon, and what takes long is not
	// asked so often that it takes longer.
	probeLeast   = 2 * time.Millisecond
	probeMost    = 10 * time.Millisecond
	probeTimeout = 2 * time.Second // of one request
)

// prove waits until the generation is healthy, its process has ended or its
// time is over.
func (s *shop) prove(ctx context.Context, service Service, g *Generation) error {
	ctx, cancel := context.WithTimeout(ctx, service.HealthTimeout)
	defer cancel()
	began, last := time.Now(), errors.New("not asked yet")
	for {
		// The process first: another may answer at its port by now.
		if err := s.Engine.Check(g.Name()); err != nil {
			return err
		}
		if err := s.probe(ctx, service, g); err == nil {
			return s.Engine.Check(g.Name())
		} else if ctx.Err() == nil {
			last = err
		}
		every := min(probeMost, max(probeLeast, time.Since(began)/50))
		if err := pause(ctx, every); errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("not healthy within %s: %w", service.HealthTimeout, last)
		} else if err != nil {
			return err
		}
	}
}

// probe asks once whether the service is well: it accepts a connection, and
// where a path is given answers it below 400.
func (s *shop) probe(ctx context.Context, service Service, g *Generation) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return s.Engine.Dial(ctx, g.Name(), g.Port)
	}
	if service.HealthPath == "" {
		conn, err := dial(ctx, "", "")
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return get(ctx, dial, g.target().String(), service.HealthPath)
}

// get makes one request. It follows no redirect, since that could lead anywhere,
// and uses no proxy of the agent's environment.
func get(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), host, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return err
	}
	request.Close = true
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// An answer counts when it is whole; one without end is none.
	const most = 1 << 20
	n, err := io.Copy(io.Discard, io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return fmt.Errorf("GET %s: %w", path, err)
	case n > most:
		return fmt.Errorf("GET %s: the answer is longer than %d bytes", path, most)
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return fmt.Errorf("GET %s: %s: redirects to %q", path, response.Status, response.Header.Get("Location"))
	case response.StatusCode >= 400:
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return nil
}
