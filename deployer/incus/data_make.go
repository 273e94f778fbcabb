package incus

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer/data"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// sharing are the drivers of pools on which a copy of a volume shares what is the same.
var sharing = []string{"btrfs", "zfs", "lvm"}

// mounts says where folders of data lead in an instance that is made of this one. A
// mount follows no link, so those that are on the way are followed here.
func (e *Engine) mounts(ctx context.Context, full string, folders []string) (all []mount, err error) {
	if len(folders) == 0 {
		return nil, nil
	}
	pool, err := e.Client.Pool(ctx, e.Pool)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(sharing, pool.Driver) {
		return nil, fmt.Errorf("the storage pool %s (%s) can copy data byte by byte only: have engine.pool name one of %s",
			e.Pool, pool.Driver, strings.Join(sharing, ", "))
	}
	var places data.Places
	for _, folder := range folders {
		at, err := e.leads(ctx, full, folder)
		if err == nil {
			err = places.Add(folder, at)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, mount{folder, at})
	}
	return all, nil
}

// leads gives where a folder leads in an instance, by a name without links.
func (e *Engine) leads(ctx context.Context, full, folder string) (string, error) {
	const most = 40 // as the kernel has it, path_resolution(7)
	at, rest := "/", strings.Split(strings.Trim(path.Clean("/"+folder), "/"), "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(at, rest[0])
		rest = rest[1:]
		content, f, err := e.Client.GetFile(ctx, full, next)
		if api.IsNotFound(err) {
			return path.Join(next, path.Join(rest...)), nil
		}
		if err != nil {
			return "", err
		}
		target, err := io.ReadAll(io.LimitReader(content, 4096))
		if err = errors.Join(err, content.Close()); err != nil {
			return "", err
		}
		switch f.Kind {
		case "directory":
			at = next
		case "symlink":
			if links++; links > most {
				return "", fmt.Errorf("data %s: too many links on the way", folder)
			}
			if path.IsAbs(string(target)) {
				at = "/"
			}
			rest = append(strings.Split(strings.Trim(path.Clean("/"+path.Join(at, string(target))), "/"), "/"), rest...)
			at = "/"
			rest = slices.DeleteFunc(rest, func(part string) bool { return part == "" })
		default:
			return "", data.NoFolder(folder, next)
		}
	}
	return at, nil
}

// prepareData has the data ready that an instance has. What there is none of yet is made
// as the instance has it, which is what its base has.
func (e *Engine) prepareData(ctx context.Context, name string, i api.Instance) error {
	mounts := mountsOf(i)
	if len(mounts) == 0 {
		return nil
	}
	service, _, _ := parseName(name)
	return e.withData(ctx, "prepare", service, func(ctx context.Context, s *store) error {
		if s.head.Name != "" && s.member != i.Location {
			return fmt.Errorf("they are on the member %s, and %s is on %s: deploy the service again", s.member, name, i.Location)
		}
		s.member, s.starts = i.Location, i.Name
		mounts = slices.DeleteFunc(mounts, func(m mount) bool { return s.live[m.Folder] != "" })
		if len(mounts) == 0 {
			return nil
		}
		next, v := s.clone(), s.newVolume()
		err := s.fill(ctx, v, func(w *tar.Writer) error {
			for _, m := range mounts {
				size, err := e.seed(ctx, w, i.Name, m)
				if err != nil {
					return err
				}
				next.live[m.Folder], next.bytes[m.Folder] = v.Name, size
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.write(ctx, next)
	})
}

// seed writes what an instance has where a folder leads, and says how much that is.
func (e *Engine) seed(ctx context.Context, w *tar.Writer, full string, m mount) (size int64, err error) {
	content, f, err := e.Client.GetFile(ctx, full, m.At)
	if api.IsNotFound(err) {
		return least, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: contentFolder + data.Name(m.Folder) + "/", Mode: 0o755, ModTime: time.Now()})
	}
	if err == nil {
		err = content.Close()
	}
	if err == nil && f.Kind != "directory" {
		err = data.NoFolder(m.Folder, m.At)
	}
	if err != nil {
		return 0, err
	}
	return e.seedFolder(ctx, w, full, m.At, contentFolder+data.Name(m.Folder), f)
}

func (e *Engine) seedFolder(ctx context.Context, w *tar.Writer, full, folder, as string, f api.File) (size int64, err error) {
	if err := w.WriteHeader(header(f, tar.TypeDir, as+"/")); err != nil {
		return 0, err
	}
	names, err := e.Client.Folder(ctx, full, folder)
	if err != nil {
		return 0, err
	}
	size = least
	for _, name := range names {
		n, err := e.seedOne(ctx, w, full, path.Join(folder, name), as+"/"+name)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path.Join(folder, name), err)
		}
		size += n
	}
	return size, nil
}

func (e *Engine) seedOne(ctx context.Context, w *tar.Writer, full, file, as string) (size int64, err error) {
	content, f, err := e.Client.GetFile(ctx, full, file)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	switch f.Kind {
	case "directory":
		return e.seedFolder(ctx, w, full, file, as, f)
	case "symlink":
		target, err := io.ReadAll(io.LimitReader(content, 4096))
		if err != nil {
			return 0, err
		}
		h := header(f, tar.TypeSymlink, as)
		h.Linkname = string(target)
		return 0, w.WriteHeader(h)
	}
	h := header(f, tar.TypeReg, as)
	if h.Size = f.Size; h.Size < 0 {
		return 0, errors.New("the member does not say how long it is")
	}
	if err := w.WriteHeader(h); err != nil {
		return 0, err
	}
	_, err = io.Copy(w, content)
	return h.Size, err
}

func header(f api.File, kind byte, name string) *tar.Header {
	return &tar.Header{Typeflag: kind, Name: name, Mode: int64(f.Mode), Uid: f.UID, Gid: f.GID, ModTime: time.Now()}
}

// fill makes a volume of what is written.
func (s *store) fill(ctx context.Context, v api.Volume, write func(*tar.Writer) error) error {
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		w := tar.NewWriter(writer)
		err := writeIndex(w, s.e.Pool, v)
		if err == nil {
			err = write(w)
		}
		if err == nil {
			err = w.Close()
		}
		_ = writer.CloseWithError(err)
		written <- err
	}()
	err := s.e.Client.ImportVolume(ctx, s.e.Pool, v, reader)
	_ = reader.CloseWithError(io.ErrClosedPipe)
	if failed := <-written; failed != nil && !errors.Is(failed, io.ErrClosedPipe) {
		return failed // the cause
	}
	return err
}

// writeIndex writes what a backup begins with.
func writeIndex(w *tar.Writer, pool string, v api.Volume) error {
	config := maps.Clone(v.Config)
	index := text(map[string]any{
		"name": v.Name, "backend": "btrfs", "pool": pool, "type": "custom", "optimized": false,
		"config": map[string]any{"volume": map[string]any{
			"name": v.Name, "type": "custom", "content_type": "filesystem", "config": config,
		}},
	})
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "backup/index.yaml", Mode: 0o644, Size: int64(len(index)), ModTime: time.Now()}); err != nil {
		return err
	}
	_, err := io.WriteString(w, index)
	return err
}

// contentFolder begins the names of what is in a volume, in a backup of it.
const contentFolder = "backup/volume/"
