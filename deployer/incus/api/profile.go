package api

import (
	"context"
	"net/http"
	"net/url"
)

// Profile is one as Incus has it, without its devices.
type Profile struct {
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Config      map[string]string `json:"config"`
}

func profilePath(name string) string { return "/1.0/profiles/" + url.PathEscape(name) }

// Profile gives one, with its ETag.
func (c *Client) Profile(ctx context.Context, name string) (p Profile, etag string, err error) {
	etag, err = c.get(ctx, profilePath(name), nil, &p)
	return p, etag, err
}

// CreateProfile makes one. That it exists is an error that IsTaken knows.
func (c *Client) CreateProfile(ctx context.Context, p Profile) error {
	_, _, err := c.do(ctx, call{method: http.MethodPost, path: "/1.0/profiles", body: p})
	return err
}

// ReplaceProfile makes one say this, if its ETag is still so; else it is ErrChanged.
func (c *Client) ReplaceProfile(ctx context.Context, p Profile, etag string) error {
	_, _, err := c.do(ctx, call{
		method: http.MethodPut, path: profilePath(p.Name), header: http.Header{"If-Match": {etag}},
		body: map[string]any{"description": p.Description, "config": p.Config, "devices": Devices{}},
	})
	return err
}

// DeleteProfile removes one that no instance has.
func (c *Client) DeleteProfile(ctx context.Context, name string) error {
	_, _, err := c.do(ctx, call{method: http.MethodDelete, path: profilePath(name)})
	return err
}
