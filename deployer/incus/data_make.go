package incus

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer/data"
	"github.com/jarloop/jarloop/deployer/guest"
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
	files, err := e.Client.Files(ctx, full)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	var places data.Places
	for _, folder := range folders {
		at, err := leads(files, folder)
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
func leads(files *api.Files, folder string) (string, error) {
	const most = 40 // as the kernel has it, path_resolution(7)
	at, rest := "/", parts(folder)
	for links := 0; len(rest) > 0; {
		next := path.Join(at, rest[0])
		rest = rest[1:]
		f, err := files.Look(next)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path.Join(next, path.Join(rest...)), nil
		case err != nil:
			return "", err
		case f.Mode.IsDir():
			at = next
		case f.Mode.Type() == fs.ModeSymlink:
			if links++; links > most {
				return "", fmt.Errorf("data %s: too many links on the way", folder)
			}
			target, err := files.Link(next)
			if err != nil {
				return "", err
			}
			if !path.IsAbs(target) {
				target = path.Join(at, target)
			}
			at, rest = "/", append(parts(target), rest...)
		default:
			return "", data.NoFolder(folder, next)
		}
	}
	return at, nil
}

// parts are the names that a path goes by.
func parts(name string) []string {
	return slices.DeleteFunc(strings.Split(path.Clean("/"+name), "/"), func(part string) bool { return part == "" })
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
			files, err := e.Client.Files(ctx, i.Name)
			if err != nil {
				return err
			}
			defer files.Close()
			for _, m := range mounts {
				size, err := seed(w, files, m)
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
func seed(w *tar.Writer, files *api.Files, m mount) (size int64, err error) {
	as := contentFolder + data.Name(m.Folder)
	f, err := files.Look(m.At)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return least, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: as + "/", Mode: 0o755, ModTime: time.Now()})
	case err != nil:
		return 0, err
	case !f.Mode.IsDir():
		return 0, data.NoFolder(m.Folder, m.At)
	}
	return seedOne(w, files, m.At, as, f)
}

func seedFolder(w *tar.Writer, files *api.Files, folder, as string) (size int64, err error) {
	all, err := files.Folder(folder)
	if err != nil {
		return 0, err
	}
	size = least
	for _, name := range slices.Sorted(maps.Keys(all)) {
		n, err := seedOne(w, files, path.Join(folder, name), as+"/"+name, all[name])
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path.Join(folder, name), err)
		}
		size += n
	}
	return size, nil
}

func seedOne(w *tar.Writer, files *api.Files, file, as string, f api.File) (size int64, err error) {
	h := &tar.Header{Name: as, Mode: f.Bits(), Uid: f.UID, Gid: f.GID, ModTime: f.Time}
	switch f.Mode.Type() {
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, as+"/"
		if err := w.WriteHeader(h); err != nil {
			return 0, err
		}
		return seedFolder(w, files, file, as)
	case fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = files.Link(file); err != nil {
			return 0, err
		}
		return 0, w.WriteHeader(h)
	case 0:
	default:
		return 0, guest.ErrIrregular
	}
	content, err := files.Open(file, 0)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	h.Typeflag, h.Size = tar.TypeReg, f.Size
	if err := w.WriteHeader(h); err != nil {
		return 0, err
	}
	_, err = io.Copy(w, content)
	return h.Size, err
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
