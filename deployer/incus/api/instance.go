package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

const (
	// copied is how long a copy of an instance, or of a volume, may take.
	copied = 5 * time.Minute
	// changed is how long a start or a removal may take.
	changed = time.Minute
)

// Devices are those of an instance by name.
type Devices map[string]map[string]string

// Instance is one as Incus has it.
type Instance struct {
	Name     string            `json:"name"`
	Status   string            `json:"status"`
	Location string            `json:"location"` // its member
	Type     string            `json:"type"`
	Created  time.Time         `json:"created_at"`
	Started  time.Time         `json:"last_used_at"` // in 1970 where it never was
	Config   map[string]string `json:"config"`
	Devices  Devices           `json:"devices"`
	Expanded Devices           `json:"expanded_devices"`
	Profiles []string          `json:"profiles"`
}

// Running says whether any process of it runs.
func (i Instance) Running() bool { return i.Status != "Stopped" }

// WasStarted says whether anything of it can have run.
func (i Instance) WasStarted() bool { return i.Started.Unix() > 0 }

func instancePath(name string) string { return "/1.0/instances/" + url.PathEscape(name) }

// Instances gives all that the client may see.
func (c *Client) Instances(ctx context.Context) (all []Instance, err error) {
	_, err = c.get(ctx, "/1.0/instances", url.Values{"recursion": {"1"}}, &all)
	return all, err
}

// Instance gives one, with the ETag of its configuration.
func (c *Client) Instance(ctx context.Context, name string) (i Instance, etag string, err error) {
	etag, err = c.get(ctx, instancePath(name), nil, &i)
	return i, etag, err
}

// Copy is what an instance is made of.
type Copy struct {
	Name, Source, Member string
	Config               map[string]string
	Devices              Devices
	Profiles             []string
}

// CopyInstance makes a stopped instance of another one, on a member, which has to be
// named: else it goes anywhere, over the network. Its configuration is there before
// anything else of it.
func (c *Client) CopyInstance(ctx context.Context, k Copy) error {
	_, err := c.run(ctx, copied, call{method: http.MethodPost, path: "/1.0/instances", query: url.Values{"target": {k.Member}}, body: map[string]any{
		"name": k.Name, "config": k.Config, "devices": k.Devices, "profiles": k.Profiles,
		"source": map[string]any{"type": "copy", "source": k.Source, "instance_only": true},
	}})
	return err
}

// CreateEmpty makes a stopped instance on a member, of the default profile, in whose root
// there is nothing.
func (c *Client) CreateEmpty(ctx context.Context, name, member string, config map[string]string) error {
	_, err := c.run(ctx, changed, call{method: http.MethodPost, path: "/1.0/instances", query: url.Values{"target": {member}}, body: map[string]any{
		"name": name, "config": config, "source": map[string]string{"type": "none"},
	}})
	return err
}

// SetConfig changes some keys of an instance's configuration, if its ETag is still
// this; "" asks for none.
func (c *Client) SetConfig(ctx context.Context, name, etag string, config map[string]string) error {
	header := http.Header{}
	if etag != "" {
		header.Set("If-Match", etag)
	}
	_, _, err := c.do(ctx, call{method: http.MethodPatch, path: instancePath(name), header: header, body: map[string]any{"config": config}})
	return err
}

// SetDevices adds devices to those of an instance, or puts them in the place of those
// with their names, also while it runs.
func (c *Client) SetDevices(ctx context.Context, name string, devices Devices) error {
	_, _, err := c.do(ctx, call{method: http.MethodPatch, path: instancePath(name), body: map[string]any{"devices": devices}, most: changed})
	return err
}

// RemoveDevices takes devices from an instance, also while it runs, and leaves the others as
// they are.
func (c *Client) RemoveDevices(ctx context.Context, name string, names ...string) error {
	var now struct { // all that a change in whole is made of
		Architecture string            `json:"architecture"`
		Config       map[string]string `json:"config"`
		Devices      Devices           `json:"devices"`
		Ephemeral    bool              `json:"ephemeral"`
		Profiles     []string          `json:"profiles"`
		Stateful     bool              `json:"stateful"`
		Description  string            `json:"description"`
	}
	etag, err := c.get(ctx, instancePath(name), nil, &now)
	if err != nil {
		return err
	}
	maps.DeleteFunc(now.Devices, func(device string, _ map[string]string) bool { return slices.Contains(names, device) })
	_, err = c.run(ctx, changed, call{method: http.MethodPut, path: instancePath(name), header: http.Header{"If-Match": {etag}}, body: now})
	return err
}

// SetState starts or stops an instance. A stop that is not forced may take a time.
func (c *Client) SetState(ctx context.Context, name, action string, force bool, grace time.Duration) error {
	seconds := -1
	if grace > 0 {
		seconds = max(1, int((grace+time.Second-1)/time.Second))
	}
	_, err := c.run(ctx, changed+grace, call{method: http.MethodPut, path: instancePath(name) + "/state", body: map[string]any{
		"action": action, "force": force, "timeout": seconds,
	}})
	if errors.Is(err, errUnknown) {
		if i, _, failed := c.Instance(ctx, name); failed == nil && i.Running() == (action == "start") {
			return nil
		}
	}
	return err
}

// DeleteInstance removes a stopped one.
func (c *Client) DeleteInstance(ctx context.Context, name string) error {
	_, err := c.run(ctx, changed, call{method: http.MethodDelete, path: instancePath(name)})
	if errors.Is(err, errUnknown) {
		if _, _, gone := c.Instance(ctx, name); IsNotFound(gone) {
			return nil
		}
	}
	return err
}

// State is how an instance that runs is.
type State struct {
	Status string `json:"status"`
	Memory struct {
		Usage int64 `json:"usage"`
	} `json:"memory"`
	Network map[string]struct {
		Addresses []struct {
			Family, Address, Scope string
		} `json:"addresses"`
	} `json:"network"`
}

// State gives how an instance is.
func (c *Client) State(ctx context.Context, name string) (s State, err error) {
	_, err = c.get(ctx, instancePath(name)+"/state", nil, &s)
	return s, err
}

// Member is one of the cluster.
type Member struct {
	Name   string `json:"server_name"`
	URL    string `json:"url"` // where it answers
	Status string `json:"status"`
}

// Online is the status of a member that answers, and Offline that of one from which nothing
// was heard for cluster.offline_threshold.
const (
	Online  = "Online"
	Offline = "Offline"
)

// Members gives those of the cluster.
func (c *Client) Members(ctx context.Context) (all []Member, err error) {
	a, err := c.doAny(ctx, call{method: http.MethodGet, path: "/1.0/cluster/members", query: url.Values{"recursion": {"1"}}, most: c.quick})
	if err == nil {
		err = a.into("GET /1.0/cluster/members", &all)
	}
	if err == nil && c.members != nil {
		var urls []string
		for _, m := range all {
			urls = append(urls, m.URL)
		}
		c.members.learn(urls)
	}
	return all, err
}

// Resources are those of a storage pool on a member.
type Resources struct {
	Space  Amount `json:"space"`
	Inodes Amount `json:"inodes"` // counted
}

// PoolResources gives those of a pool on a member.
func (c *Client) PoolResources(ctx context.Context, pool, member string) (r Resources, err error) {
	_, err = c.get(ctx, poolPath(pool)+"/resources", url.Values{"target": {member}}, &r)
	return r, err
}

// Amount is how much there is of something, in bytes if it is not counted.
type Amount struct{ Used, Total uint64 }

// Free is what is not used.
func (a Amount) Free() uint64 { return a.Total - min(a.Used, a.Total) }

// Memory gives that of a member. Not every certificate may look at it.
func (c *Client) Memory(ctx context.Context, member string) (Amount, error) {
	var machine struct {
		Memory Amount `json:"memory"`
	}
	_, err := c.get(ctx, "/1.0/resources", url.Values{"target": {member}}, &machine)
	return machine.Memory, err
}
