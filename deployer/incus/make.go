package incus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/logs"
)

// List gives the instances that are there.
func (e *Engine) List(ctx context.Context) ([]deployer.Instance, error) {
	found, err := e.members.instances(ctx)
	if err != nil {
		return nil, err
	}
	var all []deployer.Instance
	for _, i := range found {
		name, ok := e.short(i.Name)
		if !ok || !e.ours(i) {
			continue
		}
		one := deployer.Instance{Name: name, Half: half(i), Running: i.Running()}
		if one.Record, one.Err = decode(i.Config[keyRecord]); one.Err != nil {
			one.Err = fmt.Errorf("read the record of %s: %w", name, one.Err)
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b deployer.Instance) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// LastNumber gives the highest number that a service's instances have or had.
func (e *Engine) LastNumber(ctx context.Context, service string) (int, error) {
	found, err := e.members.instances(ctx)
	if err != nil {
		return 0, err
	}
	last := 0
	for _, i := range found {
		if name, ok := e.short(i.Name); ok {
			if s, n, _ := parseName(name); s == service {
				last = max(last, n)
			}
		}
	}
	kept, err := logs.Printed(e.Logs, service)
	for _, p := range kept {
		last = max(last, p.Number)
	}
	return last, err
}

// Create makes an instance of its base, on that one's member.
func (e *Engine) Create(ctx context.Context, s deployer.Spec) error {
	service, _, ok := parseName(s.Name)
	if !ok {
		return fmt.Errorf("make %q: no name of a service with a number", s.Name)
	}
	full := e.full(s.Name)
	// A copy that fails for that at once may be forgotten before it can be waited for.
	if _, _, err := e.Client.Instance(ctx, full); !api.IsNotFound(err) {
		if err == nil {
			err = fmt.Errorf("%s is there already: deploy again, to have another name: %w", full, deployer.ErrExists)
		}
		return err
	}
	base, ready, err := e.baseFor(ctx, s, service)
	if err != nil {
		return fmt.Errorf("make %s: %w", s.Name, err)
	}
	mounts, err := e.mounts(ctx, base.Name, s.Data)
	if err != nil {
		return fmt.Errorf("make %s: %w", s.Name, err)
	}
	e.members.saw(api.Instance{Name: full, Location: base.Location}) // as it is to be
	ctx, cancel := e.on(ctx, s.Name)
	defer cancel()
	config := e.config(s, ready.program)
	if len(mounts) > 0 {
		config[keyMounts] = text(mounts)
	}
	devices, err := e.sharedDisk(ctx, base.Location, true)
	if err != nil {
		return fmt.Errorf("make %s: %w", s.Name, err)
	}
	err = e.Client.CopyInstance(ctx, api.Copy{Name: full, Source: base.Name, Member: base.Location, Config: config, Devices: devices})
	if api.IsTaken(err) {
		err = errors.Join(deployer.ErrExists, err)
	}
	if err != nil {
		e.forgetVolume(base.Location)
		return fmt.Errorf("make %s: %w", s.Name, err)
	}
	if err := e.makeKept(s.Name); err != nil {
		return err
	}
	if err := e.writeStopped(ctx, full, e.files(s, service, ready.init)); err != nil {
		return fmt.Errorf("make %s: %w", s.Name, err)
	}
	if err := e.prepareData(ctx, s.Name, api.Instance{Name: full, Location: base.Location, Config: config}); err != nil {
		return fmt.Errorf("make %s: %w", s.Name, err)
	}
	return e.Client.SetConfig(ctx, full, "", map[string]string{keyState: whole})
}

// baseFor chooses the base of an instance, and has it ready. One with data goes to where
// these are.
func (e *Engine) baseFor(ctx context.Context, s deployer.Spec, service string) (base api.Instance, ready prepared, err error) {
	member := ""
	if len(s.Data) > 0 {
		if member, err = e.memberOfData(ctx, service); err != nil {
			return base, ready, err
		}
	}
	base, err = e.bases.find(ctx, s.Base, service, member)
	ctx, cancel := e.members.on(ctx, about{name: base.Name, full: base.Name}, hangs)
	defer cancel()
	if err == nil {
		ready, err = e.bases.prepare(ctx, base)
	}
	return base, ready, err
}

// config is what an instance has beside what its base has.
func (e *Engine) config(s deployer.Spec, program string) map[string]string {
	config := map[string]string{
		keyOwner: e.Owner, keyRecord: encode(s.Record), keyState: making, keyProgram: program, keyBase: "", keyOf: s.Base,
		"boot.autostart": "false", // the agent starts what is to run
	}
	if s.Address.IsValid() {
		config[keyAddress] = s.Address.Addr().String()
	}
	if s.Memory > 0 {
		config[keyMemory] = strconv.FormatInt(s.Memory, 10) + "B"
		config["limits.memory.swap"] = "false"
	}
	if s.CPUs > 0 {
		const period = 100 // ms
		config["limits.cpu.allowance"] = fmt.Sprintf("%dms/%dms", max(1, int(s.CPUs*period)), period)
	}
	return config
}

// files are those of an instance before its first boot.
func (e *Engine) files(s deployer.Spec, service string, init guest.Init) []guest.File {
	host := guest.Host{Name: s.Name, Address: s.Address, Nameserver: e.Nameserver}
	if s.Address.IsValid() {
		host.Gateway = e.Gateway
	}
	unit := guest.Unit{Service: service, Memory: s.Memory, CPUs: s.CPUs, MakesGate: true}
	return slices.Concat(guest.Identity(init, host), unit.Files(init), []guest.File{{Name: guest.Reports, Mode: fs.ModeDir | 0o755}})
}

// makeKept makes the folder for what an instance prints. Whatever is there is of
// another by this name.
func (e *Engine) makeKept(name string) error {
	kept := e.kept(name)
	if err := errors.Join(os.RemoveAll(string(kept)), os.MkdirAll(kept.Reports(), 0o755)); err != nil { // #nosec G301 -- as deployer/lxc has it
		return err
	}
	logs.Reached{}.Write(string(kept))
	return nil
}

// writeStopped writes files into a stopped instance, folders first, and several at a
// time: where the cluster is far away that counts.
func (e *Engine) writeStopped(ctx context.Context, full string, all []guest.File) error {
	files, err := e.Client.Files(ctx, full)
	if err != nil {
		return err
	}
	defer files.Close()
	folders := map[string]bool{}
	for _, f := range all {
		if f.Mode.IsDir() {
			folders[f.Name] = true
		}
		folders[path.Dir(f.Name)] = true
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		if err := files.MakeFolder(folder); err != nil {
			return err
		}
	}
	var group errgroup.Group
	for _, f := range all {
		group.Go(func() error { return put(files, f) })
	}
	return group.Wait()
}

func put(files *api.Files, f guest.File) error {
	switch {
	case f.Mode.IsDir():
		return nil
	case f.Gone:
		return files.Remove(f.Name)
	case f.Link != "":
		return files.PutLink(f.Name, f.Link)
	}
	return files.Put(f.Name, f.Mode, bytes.NewReader(f.Data))
}

// SetRecord replaces the record of an instance.
func (e *Engine) SetRecord(ctx context.Context, name string, record []byte) error {
	ctx, cancel := e.on(ctx, name)
	defer cancel()
	err := e.set(ctx, name, map[string]string{keyRecord: encode(record)})
	if err != nil {
		return fmt.Errorf("write the record of %s: %w", name, err)
	}
	return nil
}

// set changes keys of an instance that is still ours. Somebody else may change others
// meanwhile: then it is looked at again.
func (e *Engine) set(ctx context.Context, name string, keys map[string]string) error {
	for {
		_, etag, err := e.find(ctx, name)
		if err != nil {
			return err
		}
		err = e.Client.SetConfig(ctx, e.full(name), etag, keys)
		if !errors.Is(err, api.ErrChanged) {
			return err
		}
	}
}

// Remove removes a stopped instance, and nothing that is not ours.
func (e *Engine) Remove(ctx context.Context, name string) error {
	if _, _, ok := parseName(name); !ok {
		return fmt.Errorf("remove %q: no name of a service with a number", name)
	}
	ctx, cancel := e.on(ctx, name)
	defer cancel()
	_, err, _ := e.acts.Do("remove "+name, func() (any, error) { return nil, e.remove(ctx, name) })
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

func (e *Engine) remove(ctx context.Context, name string) error {
	i, _, err := e.find(ctx, name)
	if errors.Is(err, errNone) {
		return nil
	}
	if err != nil {
		return err
	}
	if i.Running() {
		return errors.New("it is running, or being started")
	}
	if !half(i) {
		_ = e.fetchStopped(ctx, name) // what cannot be kept is no reason to have it for ever
	}
	defer crash.Point("incus remove")()
	if err := e.set(ctx, name, map[string]string{keyState: removing}); err != nil && !errors.Is(err, errNone) {
		return err
	}
	defer crash.Point("incus delete")()
	if err := e.Client.DeleteInstance(ctx, e.full(name)); err != nil && !api.IsNotFound(err) {
		return err
	}
	_ = e.dropVolumes(ctx) // it is done with the next one else
	kept := e.kept(name)
	if record, err := decode(i.Config[keyRecord]); err == nil {
		if _, err := os.Lstat(string(kept)); err == nil {
			_ = os.WriteFile(kept.Record(), record, 0o600) // as above
		}
	}
	return nil
}
