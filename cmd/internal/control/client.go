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
	"syscall"
)

// ErrNoAgent says that no agent runs.
var ErrNoAgent = errors.New("no agent is running: start it with jarloop run")

// Client asks the agent that listens on a socket.
type Client struct {
	http http.Client
}

// NewClient makes a client of the socket at path. Nothing is asked yet.
func NewClient(path string) *Client {
	return &Client{http: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}}
}

// Status asks how everything is doing.
func (c *Client) Status(ctx context.Context) (Status, error) {
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
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNoAgent
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(response.Body)
	if response.StatusCode != http.StatusOK {
		var f failure
		if err := decoder.Decode(&f); err != nil || f.Error == "" {
			return fmt.Errorf("the agent answered %s", response.Status)
		}
		if response.StatusCode == http.StatusBadRequest {
			return fmt.Errorf("%w: %s", ErrInput, f.Error)
		}
		return errors.New(f.Error)
	}
	return decoder.Decode(out)
}
