package incus

import (
	"context"
	"fmt"

	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// fill brings shared files to a member, by an instance of a base, and removes there what
// is not needed any more.
func (e *Engine) fill(ctx context.Context, member, base string, names []string) error {
	for {
		mine := false
		_, err, _ := e.shares.fills.Do(member, func() (any, error) {
			mine = true
			return nil, e.fillOnce(ctx, member, base, names)
		})
		if !mine && context.Cause(ctx) == nil { // it may have brought others
			continue
		}
		if err != nil {
			return fmt.Errorf("bring shared files to the member %s: %w", member, err)
		}
		return context.Cause(ctx)
	}
}

func (e *Engine) fillOnce(ctx context.Context, member, base string, names []string) error {
	files, err := e.sharedFiles(names)
	if err != nil {
		return err
	}
	gone, err := e.gone()
	if err != nil {
		return err
	}
	devices, err := e.sharedDisk(ctx, member, false)
	if err != nil {
		return err
	}
	at, err := e.bases.find(ctx, base, "", member)
	if err != nil {
		return err
	}
	h := helper{name: "jarloop-share", base: at, devices: devices}
	return e.help(ctx, h, func(ctx context.Context, in helping) error {
		_, err := e.bring(ctx, in.stream, inside.Request{Call: inside.CallKeep, Gone: gone}, files)
		return err
	})
}
