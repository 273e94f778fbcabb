package bases

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/deployer/base"
	"github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/incus"
)

// store is where the bases of a configuration are kept. What its methods promise is said at
// base.Store, which is the one of this machine.
type store interface {
	There(ctx context.Context, r base.Recipe) (container string, there bool, err error)
	Ensure(ctx context.Context, r base.Recipe) (container string, built bool, err error)
	Export(ctx context.Context, r base.Recipe, file string) (size int64, err error)
	Import(ctx context.Context, r base.Recipe, file string) (container string, err error)
	List(ctx context.Context) ([]base.Base, error)
	Size(ctx context.Context, b base.Base) (int64, error)
	Remove(ctx context.Context, container string) error
	// Close lets go of it.
	Close() error
}

// open opens the one of the configuration. Where progress is not nil it hears of what is
// done. The caller closes it.
func open(c *config.Config, progress func(base.Progress)) (store, error) {
	local := &base.Store{Path: c.LXC.Path, Bridge: c.LXC.Bridge, Btrfs: c.LXC.Backing == config.BackingBtrfs, Progress: progress}
	if !c.Incus() {
		return here{local}, nil
	}
	engine, err := machine.Cluster(c, netip.Prefix{})
	if err != nil {
		return nil, err
	}
	return &cluster{engine, &base.Store{Path: folders.Bases(c), Progress: progress}}, nil
}

// here are bases of this machine.
type here struct{ *base.Store }

func (h here) There(_ context.Context, r base.Recipe) (string, bool, error) {
	container, there := h.Store.There(r)
	return container, there, nil
}

func (h here) Size(ctx context.Context, b base.Base) (int64, error) {
	return h.Store.Size(ctx, b.Container)
}

func (h here) Close() error { return nil }

// cluster are those of a cluster. They are built on this machine, and kept here until the
// cluster has them.
type cluster struct {
	engine *incus.Engine
	local  *base.Store
}

func (k *cluster) Close() error { return k.engine.Close() }

// There asks the members for what has no recipe.
func (k *cluster) There(ctx context.Context, r base.Recipe) (string, bool, error) {
	if r.Exists() {
		all, err := k.engine.Bases(ctx)
		return r.Container(), incus.ByHand(all, r.Name), err
	}
	there, err := k.engine.Client.HasImage(ctx, r.Container())
	return r.Container(), there, err
}

func (k *cluster) Ensure(ctx context.Context, r base.Recipe) (container string, built bool, err error) {
	container = r.Container()
	if r.Exists() { // the doctor has looked for it
		return container, false, nil
	}
	for {
		there, err := k.engine.HasBase(ctx, container, r.Hash())
		if there || err != nil {
			return container, built, err
		}
		if _, _, err := k.local.Ensure(ctx, r); err != nil {
			return "", false, err
		}
		// Somebody else on this machine may have had the cluster take it, and removed it.
		if built, err = k.send(ctx, r); err != nil && !errors.Is(err, base.ErrNotBuilt) {
			return "", false, err
		}
	}
}

// send gives the cluster what is built here, unless it has that by now.
func (k *cluster) send(ctx context.Context, r base.Recipe) (sent bool, err error) {
	err = k.local.Carry(ctx, r, func(b base.Base, root string, p rootfs.Progress) error {
		there, err := k.engine.HasBase(ctx, b.Container, b.Hash)
		if there || err != nil {
			return err
		}
		sent = true
		return k.engine.TakeIn(ctx, incus.Built{Name: b.Name, Container: b.Container, Hash: b.Hash, Begun: b.Begun, Took: b.Took}, root, p)
	})
	if err != nil {
		return false, err
	}
	return sent, k.local.Remove(ctx, r.Container())
}

func (k *cluster) Export(context.Context, base.Recipe, string) (int64, error) {
	return 0, exit.Usagef(`with engine.kind = "incus" a base is an image of the cluster that all its members share: incus image export writes it to files, by the name that jarloop base list shows`)
}

// Import is for what was exported on a machine with LXC.
func (k *cluster) Import(ctx context.Context, r base.Recipe, file string) (container string, err error) {
	there, err := k.engine.HasBase(ctx, r.Container(), r.Hash())
	if err == nil && there {
		err = errors.New("it is there already; to have the file's instead, remove it first: jarloop clean --bases")
	}
	if err != nil {
		return "", fmt.Errorf("import base %s from %s: %w", r.Container(), file, err)
	}
	if err := k.local.Remove(ctx, r.Container()); err != nil { // what was built, and not sent
		return "", err
	}
	if container, err = k.local.Import(ctx, r, file); err == nil {
		_, err = k.send(ctx, r)
	}
	return container, err
}

func (k *cluster) List(ctx context.Context) ([]base.Base, error) {
	all, err := k.engine.BuiltBases(ctx)
	var list []base.Base
	for _, b := range all {
		list = append(list, base.Base{Container: b.Container, Name: b.Name, Hash: b.Hash, Begun: b.Begun, Took: b.Took, Complete: b.Complete, Clones: b.Made, Bytes: b.Bytes})
	}
	return list, err
}

// Size is that of the image.
func (k *cluster) Size(_ context.Context, b base.Base) (int64, error) { return b.Bytes, nil }

func (k *cluster) Remove(ctx context.Context, container string) error {
	return k.engine.RemoveBase(ctx, container)
}

// RemoveBuilds removes what was built for a cluster and not taken in.
func RemoveBuilds(ctx context.Context, c *config.Config) error {
	if !c.Incus() {
		return nil
	}
	local := &base.Store{Path: folders.Bases(c)}
	left, err := local.List(ctx)
	for _, b := range left {
		err = errors.Join(err, local.Remove(ctx, b.Container))
	}
	return err
}
