package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Volume is a custom storage volume of one member.
type Volume struct {
	Name     string            `json:"name"`
	Location string            `json:"location"` // its member
	Config   map[string]string `json:"config"`
}

// Pool is a storage pool, of all members.
type Pool struct {
	Driver string `json:"driver"`
}

func poolPath(pool string) string { return "/1.0/storage-pools/" + url.PathEscape(pool) }

func volumesPath(pool string) string { return poolPath(pool) + "/volumes/custom" }

func (v Volume) path(pool string) string { return volumesPath(pool) + "/" + url.PathEscape(v.Name) }

// on names the member of a volume: names are unique on each, and not in a cluster.
func (v Volume) on() url.Values { return url.Values{"target": {v.Location}} }

// Pool gives a storage pool.
func (c *Client) Pool(ctx context.Context, pool string) (p Pool, err error) {
	_, err = c.get(ctx, poolPath(pool), nil, &p)
	return p, err
}

// Volumes gives the custom volumes of a pool on all members, also of those that do not
// answer.
func (c *Client) Volumes(ctx context.Context, pool string) (all []Volume, err error) {
	_, err = c.get(ctx, volumesPath(pool), url.Values{"recursion": {"1"}}, &all)
	return all, err
}

// Volume asks the member of a volume for it.
func (c *Client) Volume(ctx context.Context, pool string, v Volume) (found Volume, err error) {
	_, err = c.get(ctx, v.path(pool), v.on(), &found)
	return found, err
}

// CreateVolume makes an empty one.
func (c *Client) CreateVolume(ctx context.Context, pool string, v Volume) error {
	_, _, err := c.do(ctx, call{method: http.MethodPost, path: volumesPath(pool), query: v.on(), body: map[string]any{
		"name": v.Name, "config": v.Config,
	}, most: changed})
	return err
}

// CopyVolume makes one of another on the same member, without its snapshots.
func (c *Client) CopyVolume(ctx context.Context, pool string, v Volume, source string) error {
	_, err := c.run(ctx, copied, call{method: http.MethodPost, path: volumesPath(pool), query: v.on(), body: map[string]any{
		"name": v.Name, "config": v.Config,
		"source": map[string]any{"type": "copy", "pool": pool, "name": source, "location": v.Location, "volume_only": true},
	}})
	return err
}

// SetVolumeConfig changes some keys of a volume's configuration.
func (c *Client) SetVolumeConfig(ctx context.Context, pool string, v Volume, config map[string]string) error {
	_, _, err := c.do(ctx, call{method: http.MethodPatch, path: v.path(pool), query: v.on(), body: map[string]any{"config": config}})
	return err
}

// DeleteVolume removes one that no instance has. One that is not there is no error.
func (c *Client) DeleteVolume(ctx context.Context, pool string, v Volume) error {
	_, _, err := c.do(ctx, call{method: http.MethodDelete, path: v.path(pool), query: v.on(), most: changed})
	if IsNotFound(err) {
		return nil
	}
	return err
}

// ImportVolume makes one of a backup: a tar archive with backup/index.yaml first, and
// what is to be in the volume below backup/volume. Its configuration is that of the
// index. What does not come to its end makes nothing.
func (c *Client) ImportVolume(ctx context.Context, pool string, v Volume, backup io.Reader) error {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	header.Set("X-Incus-name", v.Name)
	_, err := c.run(ctx, carried, call{method: http.MethodPost, path: volumesPath(pool), query: v.on(), header: header, raw: backup, most: carried})
	return err
}

// carried is how long the content of a volume may take on its way.
const carried = time.Hour

// ExportVolume gives a backup of a volume to read, which its member has on its disk
// meanwhile; one that is left by a crash Incus removes after that time.
func (c *Client) ExportVolume(ctx context.Context, pool string, v Volume, name string, read func(io.Reader) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, carried, fmt.Errorf("incus: export of the volume %s: not done within %s", v.Name, carried))
	defer cancel()
	backups := v.path(pool) + "/backups"
	_, err = c.run(ctx, carried, call{method: http.MethodPost, path: backups, query: v.on(), body: map[string]any{
		"name": name, "volume_only": true, "compression_algorithm": "none", "expires_at": time.Now().Add(2 * carried),
	}})
	where := backups + "/" + url.PathEscape(name)
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.quick)
		defer cancel()
		_, failed := c.run(ctx, c.quick, call{method: http.MethodDelete, path: where, query: v.on()})
		if err == nil && !IsNotFound(failed) {
			err = failed
		}
	}()
	if err != nil {
		return err
	}
	body, _, err := c.send(ctx, call{method: http.MethodGet, path: where + "/export", query: v.on()})
	if err != nil {
		return err
	}
	defer body.Close()
	return read(body)
}
