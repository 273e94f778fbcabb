package incus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// helper is an instance for what has to be done on a member beside its instances. Nothing
// of its base runs there but what it is asked for: the program for guests is its init. It
// has no network, and is never whole, so that whoever lists instances finds one that is
// left as one that can only be removed.
type helper struct {
	name    string       // of all of its kind
	base    api.Instance // which it is made of, on its member
	devices api.Devices
	config  map[string]string
}

// help has something done in a helper, which is removed then.
func (e *Engine) help(ctx context.Context, h helper, do func(context.Context, helping) error) (err error) {
	ready, err := e.bases.prepare(ctx, h.base)
	if err != nil {
		return err
	}
	name, err := e.makeHelper(ctx, h, ready.program)
	if name != "" {
		defer func() {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
			defer cancel()
			err = errors.Join(err, e.Stop(last, name, 0), e.Remove(last, name))
		}()
	}
	if err != nil {
		return err
	}
	if err := e.Client.SetState(ctx, e.full(name), "start", false, 0); err != nil {
		return err
	}
	i, _, err := e.find(ctx, name)
	if err != nil {
		return err
	}
	return do(ctx, helping{e, name, i})
}

// helping is a helper that runs.
type helping struct {
	e    *Engine
	name string
	i    api.Instance
}

func (h helping) stream(ctx context.Context, r inside.Request, follows io.Reader, out io.Writer) error {
	return h.e.streamIn(ctx, h.name, h.i, r, follows, out)
}

// makeHelper makes one, by a name that nobody is likely to have. It is the caller's, also
// where it is not whole.
func (e *Engine) makeHelper(ctx context.Context, h helper, program string) (name string, err error) {
	config := map[string]string{
		keyOwner: e.Owner, keyRecord: encode([]byte("{}")), keyState: making, keyProgram: program, keyBase: "", "boot.autostart": "false",
	}
	maps.Copy(config, h.config)
	devices := maps.Clone(h.devices)
	for name, device := range h.base.Expanded {
		if device["type"] == "nic" {
			devices[name] = map[string]string{"type": "none"}
		}
	}
	name = fmt.Sprintf("%s-%d", h.name, rand.Int32())
	err = e.Client.CopyInstance(ctx, api.Copy{Name: e.full(name), Source: h.base.Name, Member: h.base.Location, Config: config, Devices: devices})
	if err != nil {
		e.forgetVolume(h.base.Location)
		return name, err
	}
	files, err := e.Client.Files(ctx, e.full(name))
	if err != nil {
		return name, err
	}
	defer files.Close()
	return name, files.PutLink("/sbin/init", program)
}

var _ deployer.Sharer = (*Engine)(nil)
