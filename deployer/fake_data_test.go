package deployer_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// data is what is kept of a service. Files are by their path inside.
type data struct {
	folders     []string
	live, saved map[string]string // saved is nil: there is no copy
}

// baseFiles are those that bases have.
var baseFiles = map[string]string{"/var/lib/seed/file": "of the base"}

func isWithin(file, folder string) bool { return strings.HasPrefix(file, folder+"/") }

// seed has the data ready that an instance mounts.
func (w *world) seed(i *instance) {
	service, _ := split(i.name)
	for _, folder := range i.data {
		d := w.data[service]
		if d == nil {
			d = &data{live: map[string]string{}}
			w.data[service] = d
		}
		if slices.Contains(d.folders, folder) {
			continue
		}
		d.folders = append(d.folders, folder)
		for file, text := range baseFiles {
			if isWithin(file, folder) {
				d.live[file] = text
			}
		}
	}
}

// filesOf gives those among which a file of an instance is.
func (w *world) filesOf(i *instance, file string) map[string]string {
	service, _ := split(i.name)
	for _, folder := range i.data {
		if isWithin(file, folder) {
			return w.data[service].live
		}
	}
	return i.files
}

// hasOpen gives the other instance whose service has the data open of an instance's,
// as a database that allows one process at a time.
func (w *world) hasOpen(i *instance) string {
	service, _ := split(i.name)
	for name, other := range w.instances {
		if of, _ := split(name); of == service && other != i && other.unit != nil && len(i.data) > 0 && len(other.data) > 0 {
			return name
		}
	}
	return ""
}

// idle is an error while an instance of a service runs.
func (w *world) idle(service string) error {
	for name, i := range w.instances {
		if of, _ := split(name); of == service && i.running {
			return fmt.Errorf("%s runs", name)
		}
	}
	return nil
}

func (e engine) SaveData(ctx context.Context, service string) error {
	return e.do(ctx, "save data", func() error {
		if d := e.data[service]; d != nil {
			d.saved = maps.Clone(d.live)
		}
		return nil
	})
}

// RestoreData leaves nothing of the data where it is cut off.
func (e engine) RestoreData(ctx context.Context, service string) error {
	err := e.do(ctx, "empty data", func() error {
		if d := e.data[service]; d != nil && d.saved != nil {
			clear(d.live)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.do(ctx, "restore data", func() error {
		if d := e.data[service]; d != nil && d.saved != nil {
			d.live, d.saved = d.saved, nil
		}
		return nil
	})
}

func (e engine) DropSavedData(ctx context.Context, service string) error {
	return e.do(ctx, "drop data", func() error {
		if d := e.data[service]; d != nil {
			d.saved = nil
		}
		return nil
	})
}

func (e engine) Data(ctx context.Context) (all []deployer.Data, err error) {
	return all, e.do(ctx, "data", func() error {
		for _, service := range slices.Sorted(maps.Keys(e.data)) {
			d := e.data[service]
			for _, folder := range slices.Sorted(slices.Values(d.folders)) {
				one := deployer.Data{Service: service, Folder: folder, Bytes: 4096, Saved: d.saved != nil}
				for file, text := range d.live {
					if isWithin(file, folder) {
						one.Bytes += int64(len(text))
					}
				}
				all = append(all, one)
			}
		}
		return nil
	})
}

func (e engine) RemoveData(ctx context.Context, service string) error {
	return e.do(ctx, "remove data", func() error {
		if e.data[service] == nil {
			return nil
		}
		if err := e.idle(service); err != nil {
			return err
		}
		delete(e.data, service)
		return nil
	})
}

func (e engine) ExportData(ctx context.Context, service string, to io.Writer) error {
	var archive bytes.Buffer
	if err := e.do(ctx, "export data", func() error {
		d := e.data[service]
		if d == nil {
			return errors.New("there are none")
		}
		w := tar.NewWriter(&archive)
		for _, folder := range d.folders {
			at := url.PathEscape(folder[1:])
			_ = w.WriteHeader(&tar.Header{Name: at + "/", Typeflag: tar.TypeDir, Mode: 0o755})
			for file, text := range d.live {
				if isWithin(file, folder) {
					_ = w.WriteHeader(&tar.Header{Name: at + strings.TrimPrefix(file, folder), Size: int64(len(text)), Mode: 0o644})
					_, _ = io.WriteString(w, text)
				}
			}
		}
		return w.Close()
	}); err != nil {
		return err
	}
	_, err := to.Write(archive.Bytes())
	return err
}

func (e engine) ImportData(ctx context.Context, service string, from io.Reader) error {
	d := &data{live: map[string]string{}}
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && len(d.folders) > 0 {
			break
		}
		if err != nil {
			return err
		}
		at, inside, _ := strings.Cut(h.Name, "/")
		folder, err := url.PathUnescape(at)
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			d.folders = append(d.folders, "/"+folder)
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		d.live["/"+folder+"/"+inside] = string(text)
	}
	return e.do(ctx, "import data", func() error {
		if err := e.idle(service); err != nil {
			return err
		}
		e.data[service] = d
		return nil
	})
}
