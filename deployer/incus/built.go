package incus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// ErrStays says that a base is not to be removed.
var ErrStays = errors.New("it stays")

// BuiltBases gives the bases that agents have built, and what is left of them, by the names
// of their containers.
func (e *Engine) BuiltBases(ctx context.Context) ([]Built, error) {
	images, err := e.Client.Images(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the images: %w", err)
	}
	instances, err := e.members.instances(ctx)
	if err != nil {
		return nil, err
	}
	return built(images, instances), nil
}

func built(images []api.Image, instances []api.Instance) []Built {
	all := map[string]Built{}
	for _, i := range images {
		container := i.Properties[propertyContainer]
		b := Built{Name: i.Properties[propertyName], Container: container, Hash: i.Properties[propertyHash], Bytes: i.Size, Complete: called(i, container)}
		b.Begun, _ = time.Parse(time.RFC3339, i.Properties[propertyBegun]) // of no other's making
		b.Took, _ = time.ParseDuration(i.Properties[propertyTook])
		if container != "" && !all[container].Complete {
			all[container] = b
		}
	}
	for _, i := range instances {
		container := i.Config[keyRecipe]
		if container == "" {
			continue
		}
		b, known := all[container]
		if !known { // whose removal was cut off: its name is all that is left of the rest
			name, hash := container, ""
			if n := strings.LastIndex(container, "-"); n >= 0 {
				name, hash = container[:n], container[n+1:]
			}
			b = Built{Name: name, Container: container, Hash: hash, Begun: i.Created}
		}
		if i.Config[keyOwner] != "" {
			b.Made = append(b.Made, i.Name)
		}
		all[container] = b
	}
	for container, b := range all {
		slices.Sort(b.Made)
		all[container] = b
	}
	return slices.SortedFunc(maps.Values(all), func(x, y Built) int { return strings.Compare(x.Container, y.Container) })
}

// RemoveBase removes a base that an agent has built: image and instances on members. While
// there are instances that were made of it, whoever has them, that is ErrStays; so is an image
// that all projects share, where this certificate may not remove it. What has gone already is
// no error.
func (e *Engine) RemoveBase(ctx context.Context, container string) error {
	if err := e.removeBase(ctx, container); err != nil {
		return fmt.Errorf("remove base %s: %w", container, err)
	}
	return nil
}

func (e *Engine) removeBase(ctx context.Context, container string) error {
	all, err := e.members.instances(ctx)
	if err != nil {
		return err
	}
	for _, b := range built(nil, all) {
		if b.Container == container && len(b.Made) > 0 {
			return fmt.Errorf("%w, since there are containers of it: %s", ErrStays, strings.Join(b.Made, ", "))
		}
	}
	// The image first, so that no more instances are made of it.
	images, err := e.Client.Images(ctx)
	if err != nil {
		return err
	}
	err = e.removeImages(ctx, slices.DeleteFunc(images, func(i api.Image) bool { return i.Properties[propertyContainer] != container }))
	shared := api.IsForbidden(err)
	if err != nil && !shared {
		return err
	}
	for _, i := range all {
		if i.Config[keyRecipe] == container {
			if err := e.Client.DeleteInstance(ctx, i.Name); err != nil && !api.IsNotFound(err) {
				return fmt.Errorf("remove %s: %w", i.Name, err)
			}
		}
	}
	if shared {
		return fmt.Errorf("%w, since its image is that of all projects, which only who may change the project default removes", ErrStays)
	}
	return nil
}
