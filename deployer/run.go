package deployer

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Run first makes sense of what an earlier agent left: it adopts what is live
// and undoes or finishes the rest. Then it cares for all services until ctx ends.
// It returns when running deploys are undone. What is live stays live. ready is
// called when the first part is over.
func (d *Deployer) Run(ctx context.Context, ready func()) error {
	// What loops wait for has to outlive them.
	owners, endOwners := context.WithCancel(context.WithoutCancel(ctx))
	var serving errgroup.Group
	for _, o := range []owner{d.routing.owner, d.batch.owner, d.background.owner, d.archives.owner, d.sharing.owner} {
		serving.Go(func() error { o.serve(owners); return nil })
	}
	defer func() { endOwners(); _ = serving.Wait() }()

	leftovers, err := d.takeStock(ctx)
	if err != nil {
		return fmt.Errorf("take stock of what is there: %w", err)
	}
	d.leave(leftovers)
	ready()
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range slices.Concat(*d.loops.Load(), leftovers) {
		group.Go(func() error { d.serveLoop(ctx, l); return nil })
	}
	group.Go(func() error { d.serveChanges(ctx, group); return nil })
	group.Go(func() error {
		for Pause(ctx, repairEvery) == nil {
			d.repairRoutes(ctx)
			d.tickAll(ctx)
			if d.Beat != nil {
				d.Beat()
			}
		}
		return nil
	})
	return group.Wait()
}
