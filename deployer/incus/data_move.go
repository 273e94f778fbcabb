package incus

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer/data"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// ExportData writes the data of a service as a tar archive. Nobody waits for it.
func (e *Engine) ExportData(ctx context.Context, service string, to io.Writer) error {
	var r record
	var member string
	err := e.withData(ctx, "export", service, func(_ context.Context, s *store) error {
		if len(s.live) == 0 {
			return errors.New("there are none")
		}
		r, member = s.clone(), s.member
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.export(ctx, service, member, r, to); err != nil {
		return fmt.Errorf("export the data of %s: %w", service, err)
	}
	return nil
}

func (e *Engine) export(ctx context.Context, service, member string, r record, to io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, carried, late("not done", carried))
	defer cancel()
	w := tar.NewWriter(to)
	folders := map[string]map[string]bool{} // by volume
	for folder, volume := range r.live {
		if folders[volume] == nil {
			folders[volume] = map[string]bool{}
		}
		folders[volume][data.Name(folder)] = true
	}
	var err error
	for _, volume := range slices.Sorted(maps.Keys(folders)) {
		v := api.Volume{Name: volume, Location: member}
		err = errors.Join(err, e.Client.ExportVolume(ctx, e.Pool, v, "jarloop-"+strings.ToLower(rand.Text()), func(backup io.Reader) error {
			return pass(ctx, tar.NewReader(backup), w, func(h *tar.Header) (bool, error) {
				return fromBackup(h, folders[volume]), nil
			})
		}))
	}
	if now, e := e.current(ctx, service); e == nil && !maps.Equal(now.live, r.live) {
		err = errExchanged
	}
	if err != nil {
		return err
	}
	return w.Close()
}

// current gives what the head of a service says now.
func (e *Engine) current(ctx context.Context, service string) (record, error) {
	all, err := e.Client.Volumes(ctx, e.Pool)
	for _, v := range all {
		if v.Config[keyOwner] == e.Owner && v.Config[keyService] == service && v.Config[keyLive] != "" {
			return parseRecord(v.Config)
		}
	}
	return record{}, err
}

// fromBackup makes the header of an archive of one of a backup; not of what is no data.
func fromBackup(h *tar.Header, folders map[string]bool) bool {
	name, found := strings.CutPrefix(h.Name, contentFolder)
	top, _, _ := strings.Cut(name, "/")
	if !found || !folders[top] {
		return false
	}
	h.Name = name
	if h.Typeflag == tar.TypeLink {
		h.Linkname = strings.TrimPrefix(h.Linkname, contentFolder)
	}
	return true
}

// toBackup makes the header of a backup of one of an archive, and gives the folder that
// it is in.
func toBackup(h *tar.Header) (folder string, err error) {
	name := path.Clean(h.Name)
	top, _, isBelow := strings.Cut(name, "/")
	folder, ok := data.Folder(top)
	if !ok || !isBelow && h.Typeflag != tar.TypeDir {
		return "", data.NotData(top)
	}
	if h.Typeflag == tar.TypeLink {
		if !filepath.IsLocal(h.Linkname) {
			return "", fmt.Errorf("%s: a hard link that leads out of the archive", h.Name)
		}
		h.Linkname = contentFolder + path.Clean(h.Linkname)
	}
	h.Name = contentFolder + name
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	return folder, nil
}

// pass writes those entries of an archive into another that change takes.
func pass(ctx context.Context, from *tar.Reader, to *tar.Writer, change func(*tar.Header) (bool, error)) error {
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		taken, err := change(h)
		if err != nil {
			return err
		}
		if !taken || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if h.Typeflag == tar.TypeGNUSparse { // its holes are read as zeros
			h.Typeflag = tar.TypeReg
		}
		h.Format = tar.FormatUnknown // whichever can hold it
		maps.DeleteFunc(h.PAXRecords, func(key, _ string) bool { return !strings.HasPrefix(key, "SCHILY.") })
		if err := to.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(to, from); err != nil {
			return err
		}
	}
}

// ImportData makes the data of a service what an archive holds.
func (e *Engine) ImportData(ctx context.Context, service string, from io.Reader) error {
	ctx, cancel := context.WithTimeoutCause(ctx, carried, late("not done", carried))
	defer cancel()
	return e.withDataFor(ctx, "import", service, func(ctx context.Context, s *store) error {
		if err := e.idle(ctx, service); err != nil {
			return err
		}
		if s.member == "" {
			var err error
			if s.member, err = e.memberFor(ctx, service); err != nil {
				return err
			}
		}
		v := s.newVolume()
		next := record{}.clone()
		archive := &data.Archive{From: from}
		err := s.fill(ctx, v, func(w *tar.Writer) error {
			err := pass(ctx, tar.NewReader(archive), w, func(h *tar.Header) (bool, error) {
				folder, err := toBackup(h)
				if err == nil {
					next.live[folder] = v.Name
					next.bytes[folder] += max(h.Size, least)
				}
				return true, err
			})
			if err == nil {
				err = archive.Whole()
			}
			if err == nil && len(next.live) == 0 {
				err = data.ErrEmpty
			}
			return err
		})
		if err != nil {
			return err
		}
		return s.write(ctx, next)
	})
}

// memberFor gives where the first data of a service are made: where its newest instance
// is, else where fewest are that answer.
func (e *Engine) memberFor(ctx context.Context, service string) (string, error) {
	instances, err := e.instancesOf(ctx, service)
	if err != nil {
		return "", err
	}
	if len(instances) > 0 {
		return instances[len(instances)-1].Location, nil
	}
	members, err := e.Client.Members(ctx)
	if err != nil {
		return "", err
	}
	all, err := e.members.instances(ctx)
	if err != nil {
		return "", err
	}
	load := map[string]int{}
	for _, i := range all {
		if e.ours(i) {
			load[i.Location]++
		}
	}
	members = slices.DeleteFunc(members, func(m api.Member) bool { return m.Status != "Online" })
	if len(members) == 0 {
		return "", errors.New("no member answers")
	}
	return slices.MinFunc(members, func(a, b api.Member) int { return load[a.Name] - load[b.Name] }).Name, nil
}
