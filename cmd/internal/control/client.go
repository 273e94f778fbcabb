package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// ErrNoAgent says that no agent runs.
var ErrNoAgent = errors.New("no agent is running: start it with jarloop run")

// patience is how long Status waits for the agent, which answers at once.
const patience = 10 * time.Second

// Client asks the agent that listens on a socket.
type Client struct {
	http http.Client
	path string
}

// NewClient makes a client of the socket at path. Nothing is asked yet.
func NewClient(path string) *Client {
	return &Client{path: path, http: http.Client{Transport: &http.Transport{
		// One kept open would hold a slot on the socket.
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}}
}

// Status asks for the status of the agent and of every service.
func (c *Client) Status(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	var s Status
	err := c.do(ctx, http.MethodGet, "/v1/status", nil, &s)
	return s, err
}

// Deploy asks for a deploy of the services, all if none is named, and waits
// for the outcome of each.
func (c *Client) Deploy(ctx context.Context, services []string) ([]Outcome, error) {
	var outcomes []Outcome
	err := c.do(ctx, http.MethodPost, "/v1/deploy", DeployRequest{Services: services}, &outcomes)
	return outcomes, err
}

// Rollback asks for a deploy of an earlier set, and waits for the outcome.
func (c *Client) Rollback(ctx context.Context, r RollbackRequest) (Outcome, error) {
	var o Outcome
	err := c.do(ctx, http.MethodPost, "/v1/rollback", r, &o)
	return o, err
}

// Pause asks that new artefacts of a service are not deployed for now, or again.
func (c *Client) Pause(ctx context.Context, r PauseRequest) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	return c.do(ctx, http.MethodPost, "/v1/pause", r, &struct{}{})
}

// ChangeData asks that the data of a service become others, and waits until it runs
// again.
func (c *Client) ChangeData(ctx context.Context, r DataRequest) error {
	return c.do(ctx, http.MethodPost, "/v1/data", r, &struct{}{})
}

// Divert asks that names and ports of a service lead elsewhere, or back.
func (c *Client) Divert(ctx context.Context, r DivertRequest) (Diverted, error) {
	var d Diverted
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	err := c.do(ctx, http.MethodPost, "/v1/divert", r, &d)
	return d, err
}

// Restart asks that what runs of a service ends and is started again, and waits until
// it runs.
func (c *Client) Restart(ctx context.Context, r RestartRequest) error {
	return c.do(ctx, http.MethodPost, "/v1/restart", r, &struct{}{})
}

// Page asks where the page is.
func (c *Client) Page(ctx context.Context, r PageRequest) (Page, error) {
	var p Page
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	err := c.do(ctx, http.MethodPost, "/v1/page", r, &p)
	return p, err
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://jarloop"+path, &body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.unanswered(ctx, err)
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(response.Body)
	if response.StatusCode != http.StatusOK {
		var f failure
		if err := decoder.Decode(&f); err != nil || f.Error == "" {
			return fmt.Errorf("the agent answered %s", response.Status)
		}
		err := errors.New(f.Error)
		if response.StatusCode == http.StatusBadRequest {
			return InputError{err}
		}
		return err
	}
	if err := decoder.Decode(out); err != nil {
		return c.unanswered(ctx, err)
	}
	return nil
}

// unanswered says why there is no answer.
func (c *Client) unanswered(ctx context.Context, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNoAgent
	}
	var inner *url.Error // its URL means nothing to a person
	if errors.As(err, &inner) {
		err = inner.Err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: only root may: run it with sudo", err)
	}
	return fmt.Errorf("ask the agent on %s: %w", c.path, err)
}
