package lxc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/logs"
)

// List gives the instances that are there.
func (e *Engine) List(ctx context.Context) ([]deployer.Instance, error) {
	states, err := e.host.States(ctx)
	if err != nil {
		return nil, err
	}
	all, err := e.disk.list()
	if err != nil {
		return nil, err
	}
	_ = e.disk.sweepData() // whoever works with the data next says what is wrong
	for i, one := range all {
		init := states[one.Name]
		all[i].Running = init > 0
		if !all[i].Running || one.Half {
			continue
		}
		h, release := e.table.use(one.Name)
		known := h != nil && h.alive()
		release()
		if !known { // so that its first Check is quick
			if _, release, err := e.open(one.Name, init); err == nil {
				release()
			}
		}
	}
	return all, nil
}

// LastNumber gives the highest number that a service's instances have or had.
func (e *Engine) LastNumber(_ context.Context, service string) (int, error) {
	return e.disk.lastNumber(service)
}

// Create makes a container from its base.
func (e *Engine) Create(ctx context.Context, s deployer.Spec) error {
	service, _, ok := parseName(s.Name)
	if !ok {
		return fmt.Errorf("make %q: no name of a service with a number", s.Name)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	rootfs, err := e.host.Rootfs(s.Base)
	if err != nil {
		return err
	}
	init, own, err := lookIn(rootfs)
	if err != nil {
		return fmt.Errorf("base %s: %w", s.Base, err)
	}
	mounts, err := e.disk.dataMounts(service, rootfs, s.Data)
	if err != nil {
		return err
	}
	limits, err := limits("/", s.Memory, s.CPUs)
	if err != nil {
		return err
	}
	if err := e.disk.claim(s.Name, s.Record); err != nil {
		return fmt.Errorf("make room for the container: %w", err)
	}
	if err := errors.Join(e.makeReports(s.Name, rootfs), e.disk.makeShared()); err != nil {
		return err
	}
	if err := e.host.Clone(ctx, s.Base, s.Name, e.Backing, slices.Concat(e.config(s.Name, init, s.Address), mounts, limits)); err != nil {
		return err
	}
	if len(s.Data) > 0 {
		if err := e.prepareData(ctx, s.Name); err != nil {
			return err
		}
	}
	files := guest.Identity(init, guest.Host{Name: s.Name, Static: s.Address.IsValid(), Nameserver: e.Nameserver})
	if err := e.writeStopped(ctx, s.Name, slices.Concat(files, own, guest.Unit{Service: service, Memory: s.Memory, CPUs: s.CPUs}.Files(init))); err != nil {
		return err
	}
	return e.disk.whole(s.Name)
}

// lookIn says which init runs in the clones of a base whose root is given, and gives
// the files of theirs that follow from what the base has: by which Java looks names up
// again, and a boot leaves out what can do nothing.
func lookIn(rootfs string) (init guest.Init, own []guest.File, err error) {
	root, err := guest.OpenRoot(rootfs)
	if err != nil {
		return "", nil, err
	}
	defer root.Close()
	init, err = guest.DetectInit(root)
	return init, slices.Concat(root.Java(), root.Lean(init)), err
}

// makeReports makes the folder for what an instance prints, and gives it to the root of
// its base's clones.
func (e *Engine) makeReports(name, rootfs string) error {
	kept := e.disk.kept(name)
	reports := kept.Reports()
	// Whatever is told there is of another by this name.
	if err := errors.Join(os.MkdirAll(reports, 0o755), os.RemoveAll(guest.ExitReport(reports))); err != nil {
		return err
	}
	logs.Reached{}.Write(string(kept))
	info, err := os.Stat(rootfs)
	if err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	if st.Uid == 0 {
		return nil
	}
	if err := passable(filepath.Dir(reports), int(st.Gid)); err != nil {
		return err
	}
	return errors.Join(os.Chmod(reports, 0o700), os.Chown(reports, int(st.Uid), int(st.Gid)))
}

// writeStopped writes files into a stopped container.
func (e *Engine) writeStopped(ctx context.Context, name string, files []guest.File) error {
	text, err := json.Marshal(files)
	if err != nil {
		return err
	}
	return e.host.WriteFiles(ctx, name, bytes.NewReader(text))
}

// writeFiles is the other end of writeStopped: it runs in the child.
func writeFiles(dir string, files io.Reader) error {
	var list []guest.File
	if err := json.NewDecoder(files).Decode(&list); err != nil {
		return err
	}
	root, err := guest.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.WriteFiles(list)
}

// SetRecord replaces the record of a container.
func (e *Engine) SetRecord(_ context.Context, name string, record []byte) error {
	if err := e.disk.setRecord(name, record); err != nil {
		return fmt.Errorf("write the record of %s: %w", name, err)
	}
	return nil
}

// Remove removes a stopped container, and nothing that is not ours.
func (e *Engine) Remove(ctx context.Context, name string) error {
	_, err, _ := e.acts.Do("remove "+name, func() (any, error) { return nil, e.remove(ctx, name) })
	return err
}

func (e *Engine) remove(ctx context.Context, name string) error {
	if _, _, ok := parseName(name); !ok {
		return fmt.Errorf("remove %q: no name of a service with a number", name)
	}
	if left := monitors(e.Path, name); e.disk.ours(name) && len(left) > 0 {
		return fmt.Errorf("remove %s: it is running, or being started: its monitor is process %d", name, left[0])
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	there, err := e.disk.depart(name)
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	e.table.set(name, nil)
	e.table.ignore(name, reportID{})
	if there {
		if err := e.host.Destroy(ctx, name); err != nil {
			return err
		}
	}
	if strings.HasPrefix(name, producing+"-") {
		if err := os.RemoveAll(e.disk.scratch(name)); err != nil {
			return err
		}
	}
	if err := e.disk.forget(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	e.disk.dropShared()
	return nil
}
