package deployer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

const (
	// Between two requests is a fiftieth of the time that has gone by, within
	// these: what comes up soon is found soon, and what takes long is not
	// asked so often that it takes longer.
	probeLeast   = 2 * time.Millisecond
	probeMost    = 10 * time.Millisecond
	probeTimeout = 2 * time.Second // of one request
)

// diedError says that a service's process, or its container, ended.
type diedError struct {
	What string // for people: "exited with status 1"
}

func (e *diedError) Error() string { return "the process " + e.What }

// prove waits until the generation is healthy, its process has ended or its
// time is over.
func (d *Deployer) prove(ctx context.Context, s Service, g *Generation) error {
	ctx, cancel := context.WithTimeout(ctx, s.HealthTimeout)
	defer cancel()
	began, last := time.Now(), errors.New("not asked yet")
	for {
		// The process first: another may answer at its port by now.
		if err := d.alive(g); err != nil {
			return err
		}
		if err := d.Probe(ctx, g.target().String(), s.HealthPath); err == nil {
			return d.alive(g)
		} else if ctx.Err() == nil {
			last = err
		}
		every := min(probeMost, max(probeLeast, time.Since(began)/50))
		if err := pause(ctx, every); errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("not healthy within %s: %w", s.HealthTimeout, last)
		} else if err != nil {
			return err
		}
	}
}

// alive is nil while the generation's service has not ended.
func (d *Deployer) alive(g *Generation) error {
	exit, err := guest.ReadExit(g.reports)
	switch {
	case err == nil:
		return &diedError{exit.String()}
	case errors.Is(err, guest.ErrReport), errors.Is(err, guest.ErrIrregular):
		return &diedError{"ended, and " + err.Error()}
	}
	// There is no report, or none could be looked for.
	if d.lost(g) {
		return &diedError{"ended with its container"}
	}
	return nil
}

// lost says whether the generation's container has ended.
func (d *Deployer) lost(g *Generation) bool {
	init := int(g.init.Load())
	return init <= 0 || !d.Machine.Alive(init)
}

// probe asks once whether what listens at address is well: it accepts a
// connection, and where a path is given answers it below 400.
func probe(ctx context.Context, address, path string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if path == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := probeClient.Do(request)
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

// probeClient follows no redirect, since that could lead anywhere, and uses no
// proxy of the agent's environment.
var probeClient = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
