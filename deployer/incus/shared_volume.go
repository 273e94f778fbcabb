package incus

import (
	"context"
	"errors"
	"fmt"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// Each member that has instances of the owner's has a volume OWNER-shared, which all of
// these see, read-only. To write to one takes an instance (helper), which sees it as well.
const (
	keyShared    = "user.jarloop.shared" // of a volume: that it is one of these
	sharedDevice = "jarloop-shared"
)

// sharedDisk gives an instance of a member its volume, which is made for the first.
func (e *Engine) sharedDisk(ctx context.Context, member string, readonly bool) (api.Devices, error) {
	volume := api.Volume{Name: e.Owner + "-shared", Location: member, Config: map[string]string{
		keyOwner: e.Owner, keyShared: "true", "security.shifted": "true",
	}}
	if _, known := e.shares.known.Load(member); !known {
		if err := e.Client.CreateVolume(ctx, e.Pool, volume); err != nil && !api.IsTaken(err) {
			return nil, fmt.Errorf("a volume for shared files: %w", err)
		}
		e.shares.known.Store(member, true)
	}
	disk := map[string]string{"type": "disk", "pool": e.Pool, "source": volume.Name, "path": deployer.SharedFolder}
	if readonly {
		disk["readonly"] = "true"
	}
	return api.Devices{sharedDevice: disk}, nil
}

// forgetVolume has it be looked again whether a member has its volume.
func (e *Engine) forgetVolume(member string) { e.shares.known.Delete(member) }

// dropVolumes removes the volumes when no file is shared and there is no instance that sees
// them.
func (e *Engine) dropVolumes(ctx context.Context) error {
	if all, err := e.shared().All(); err != nil || len(all) > 0 {
		return err
	}
	instances, err := e.members.instances(ctx)
	if err != nil {
		return err
	}
	for _, i := range instances {
		if e.ours(i) {
			return nil
		}
	}
	volumes, err := e.Client.Volumes(ctx, e.Pool)
	for _, one := range volumes {
		if one.Config[keyOwner] == e.Owner && one.Config[keyShared] != "" {
			e.forgetVolume(one.Location)
			err = errors.Join(err, e.Client.DeleteVolume(ctx, e.Pool, one))
		}
	}
	return err
}
