package incus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// Data gives the folders of all services' data.
func (e *Engine) Data(ctx context.Context) ([]deployer.Data, error) {
	volumes, err := e.Client.Volumes(ctx, e.Pool)
	if err != nil {
		return nil, fmt.Errorf("list the data: %w", err)
	}
	var all []deployer.Data
	for _, v := range volumes {
		if v.Config[keyOwner] != e.Owner || v.Config[keyLive] == "" {
			continue
		}
		of, err := e.dataOf(ctx, v)
		if err != nil {
			return nil, fmt.Errorf("list the data: %w", err)
		}
		all = append(all, of...)
	}
	slices.SortFunc(all, func(a, b deployer.Data) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Folder, b.Folder))
	})
	return all, nil
}

// dataOf gives the folders of a service by its head.
func (e *Engine) dataOf(ctx context.Context, head api.Volume) (all []deployer.Data, err error) {
	service := head.Config[keyService]
	r, err := parseRecord(head.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", service, err)
	}
	sizes := e.sizes(ctx, head, r)
	for folder := range r.live {
		all = append(all, deployer.Data{Service: service, Folder: folder, Bytes: sizes[folder], Saved: len(r.saved) > 0})
	}
	return all, context.Cause(ctx)
}

// sizes are what folders take. Incus does not count it on another member than the one
// that is asked: a running instance of the service does, and it is noted for when there
// is none.
func (e *Engine) sizes(ctx context.Context, head api.Volume, r record) map[string]int64 {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	sizes := r.bytes
	instances, _ := e.instancesOf(ctx, head.Config[keyService]) // then what was noted holds
	measured := map[string]bool{}
	for _, i := range instances {
		var folders, at []string
		for _, m := range mountsOf(i) {
			if _, live := r.live[m.Folder]; live && !measured[m.Folder] {
				folders, at = append(folders, m.Folder), append(at, m.At)
			}
		}
		name, _ := e.short(i.Name)
		if !i.Running() || len(folders) == 0 {
			continue
		}
		a, err := e.within(ctx, name, quick, inside.Request{Call: inside.CallSizes, Files: at})
		if err != nil || len(a.Sizes) != len(folders) {
			continue
		}
		for n, folder := range folders {
			measured[folder], sizes[folder] = true, max(a.Sizes[n], least)
		}
	}
	if len(measured) > 0 {
		_ = e.Client.SetVolumeConfig(ctx, e.Pool, head, map[string]string{keyBytes: text(sizes)})
	}
	return sizes
}

// least is what a folder takes: btrfs counts nothing for one that is empty.
const least = 4096

// withData does something with the data of a service.
func (e *Engine) withData(ctx context.Context, act, service string, do func(context.Context, *store) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, copied, late("not done", copied))
	defer cancel()
	return e.withDataFor(ctx, act, service, do)
}

func (e *Engine) withDataFor(ctx context.Context, act, service string, do func(context.Context, *store) error) error {
	s, err := e.openStore(ctx, service)
	if err == nil {
		defer s.close()
		if err = do(ctx, s); err == nil {
			err = s.settle(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("%s the data of %s: %w", act, service, err)
	}
	return nil
}

// SaveData copies the data of a service: its volumes share what is the same.
func (e *Engine) SaveData(ctx context.Context, service string) error {
	return e.withData(ctx, "save", service, func(ctx context.Context, s *store) error {
		if len(s.live) == 0 {
			return s.drop(ctx)
		}
		copies := map[string]string{} // by the volume that was copied
		next := s.clone()
		next.saved = map[string]string{}
		for folder, volume := range s.live {
			if copies[volume] == "" {
				v := s.newVolume()
				if err := e.Client.CopyVolume(ctx, e.Pool, v, volume); err != nil {
					return err
				}
				copies[volume] = v.Name
			}
			next.saved[folder] = copies[volume]
		}
		return s.write(ctx, next)
	})
}

// RestoreData makes the data of a service what they were when they were saved: the copy
// becomes the data. Cut off between that and its instances, it is done with the next
// call that is about them.
func (e *Engine) RestoreData(ctx context.Context, service string) error {
	return e.withData(ctx, "restore", service, func(ctx context.Context, s *store) error {
		if len(s.saved) == 0 {
			return nil
		}
		next := s.clone()
		for folder, volume := range s.saved {
			next.live[folder] = volume
		}
		next.saved = nil
		return s.write(ctx, next)
	})
}

// DropSavedData removes the copy of the data of a service.
func (e *Engine) DropSavedData(ctx context.Context, service string) error {
	return e.withData(ctx, "drop", service, func(ctx context.Context, s *store) error { return s.drop(ctx) })
}

// RemoveData removes the data of a service, with their copy.
func (e *Engine) RemoveData(ctx context.Context, service string) error {
	return e.withData(ctx, "remove", service, func(ctx context.Context, s *store) error {
		if s.head.Name == "" {
			return nil
		}
		if err := e.idle(ctx, service); err != nil {
			return err
		}
		if err := s.write(ctx, record{}); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		if err := s.sweep(ctx); err != nil {
			return err
		}
		err := e.Client.DeleteVolume(ctx, e.Pool, s.head)
		s.head = api.Volume{}
		return err
	})
}

// idle is an error while an instance of a service runs.
func (e *Engine) idle(ctx context.Context, service string) error {
	instances, err := e.instancesOf(ctx, service)
	if err != nil {
		return err
	}
	for _, i := range instances {
		if name, _ := e.short(i.Name); i.Running() {
			return fmt.Errorf("%s runs", name)
		}
	}
	return nil
}

// instancesOf gives those of a service, the oldest first.
func (e *Engine) instancesOf(ctx context.Context, service string) (found []api.Instance, err error) {
	all, err := e.members.instances(ctx)
	for _, i := range all {
		if name, ok := e.short(i.Name); ok && e.ours(i) {
			if s, _, _ := parseName(name); s == service {
				found = append(found, i)
			}
		}
	}
	slices.SortFunc(found, func(a, b api.Instance) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return found, err
}

// errExchanged says that data are others than when they began to be read.
var errExchanged = errors.New("they were exchanged meanwhile: do it again")

// carried is how long content may take on its way into a volume or out of one.
const carried = time.Hour

var _ deployer.Engine = (*Engine)(nil)
