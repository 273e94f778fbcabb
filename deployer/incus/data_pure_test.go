package incus

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/api/apitest"
)

// rootOf answers for the files of an instance: folders end with /, links have their
// target, files are empty.
func rootOf(t *testing.T, all map[string]string) http.HandlerFunc {
	t.Helper()
	dir := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		in, target := filepath.Join(dir, name), all[name]
		var err error
		switch {
		case target != "":
			err = os.Symlink(target, in)
		case strings.HasSuffix(name, "/"):
			err = os.Mkdir(in, 0o755)
		default:
			err = os.WriteFile(in, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(w http.ResponseWriter, _ *http.Request) { apitest.ServeFiles(w, dir) }
}

func TestAFolderOfDataIsWhereLinksOfTheBaseLead(t *testing.T) {
	e := engineOf(t, rootOf(t, map[string]string{
		"/var/": "", "/var/lib/": "", "/var/data": "lib", "/srv": "/var/data", "/up/": "", "/up/here": "../var", "/up/root": "/var", "/file": "", "/loop": "loop",
	}))
	files, err := e.Client.Files(t.Context(), "base")
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for folder, want := range map[string]string{
		"/var/lib": "/var/lib", "/var/new/x": "/var/new/x", "/srv/x": "/var/lib/x", "/up/here/lib/x": "/var/lib/x", "/up/root/x": "/var/x", "/none": "/none",
	} {
		if at, err := leads(files, folder); at != want || err != nil {
			t.Errorf("%s leads to %q, %v; want %s", folder, at, err, want)
		}
	}
	for folder, want := range map[string]string{"/file": "/file is no folder", "/file/x": "/file is no folder", "/loop/x": "too many links"} {
		if at, err := leads(files, folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s leads to %q, %v", folder, at, err)
		}
	}
}

func TestDataAreRefusedOnAPoolThatCanOnlyCopyThem(t *testing.T) {
	for driver, can := range map[string]bool{"btrfs": true, "dir": false, "ceph": false} {
		files := rootOf(t, map[string]string{"/srv/": ""})
		e := engineOf(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "storage-pools") {
				files(w, r)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "sync", "metadata": api.Pool{Driver: driver}}) // as above
		})
		_, err := e.mounts(t.Context(), "base", []string{"/srv/data"})
		if (err == nil) != can || err != nil && !strings.Contains(err.Error(), "engine.pool") {
			t.Errorf("on %s: %v", driver, err)
		}
	}
}

func TestAnArchiveOfDataIsTheSameAfterItsWayThroughABackup(t *testing.T) {
	all := []tar.Header{
		{Typeflag: tar.TypeDir, Name: "srv%2Fdata/", Mode: 0o2750, Uid: 7, Gid: 8},
		{Typeflag: tar.TypeReg, Name: "srv%2Fdata/file", Mode: 0o640, Size: 3, PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b"}},
		{Typeflag: tar.TypeLink, Name: "srv%2Fdata/hard", Linkname: "srv%2Fdata/file"},
		{Typeflag: tar.TypeSymlink, Name: "srv%2Fdata/soft", Linkname: "/etc/passwd"},
		{Typeflag: tar.TypeFifo, Name: "srv%2Fdata/" + strings.Repeat("n", 150), Mode: 0o600},
	}
	var archive, backup, back bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range all {
		if err := errors.Join(w.WriteHeader(&h), zeros(w, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	through := func(from, to *bytes.Buffer, change func(*tar.Header) (bool, error)) {
		t.Helper()
		w := tar.NewWriter(to)
		if err := errors.Join(pass(t.Context(), tar.NewReader(from), w, change), w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	through(&archive, &backup, func(h *tar.Header) (bool, error) {
		folder, err := toBackup(h)
		if folder != "/srv/data" || !strings.HasPrefix(h.Name, "backup/volume/srv%2Fdata") {
			t.Errorf("%s is of %s", h.Name, folder)
		}
		return true, err
	})
	through(&backup, &back, func(h *tar.Header) (bool, error) { return fromBackup(h, map[string]bool{"srv%2Fdata": true}), nil })
	r := tar.NewReader(&back)
	for _, want := range all {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		records := map[string]string{}
		maps.Copy(records, h.PAXRecords)
		delete(records, "path") // of a long name
		if h.Name != want.Name || h.Typeflag != want.Typeflag || h.Linkname != want.Linkname || h.Mode != want.Mode || h.Uid != want.Uid ||
			h.Gid != want.Gid || h.Size != want.Size || !maps.Equal(records, want.PAXRecords) {
			t.Errorf("%+v has become %+v", want, *h)
		}
	}
	if h, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("there is more: %+v, %v", h, err)
	}
}

func zeros(w io.Writer, n int64) error {
	_, err := w.Write(make([]byte, n))
	return err
}

func TestWhatIsNoArchiveOfDataIsRefused(t *testing.T) {
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeReg, Name: "file"},
		{Typeflag: tar.TypeSymlink, Name: "srv%2Fdata", Linkname: "/"},
		{Typeflag: tar.TypeDir, Name: "./"},
		{Typeflag: tar.TypeDir, Name: "srv%2fdata/"},
		{Typeflag: tar.TypeReg, Name: "../srv/x"},
		{Typeflag: tar.TypeReg, Name: "/srv/x"},
		{Typeflag: tar.TypeReg, Name: "srv/../../x"},
		{Typeflag: tar.TypeLink, Name: "srv/x", Linkname: "../../etc/shadow"},
		{Typeflag: tar.TypeLink, Name: "srv/x", Linkname: "/etc/shadow"},
	} {
		if folder, err := toBackup(&h); err == nil {
			t.Errorf("%+v is of %s", h, folder)
		}
	}
}

func TestInstancesHaveTheDevicesThatTheHeadOfTheDataSays(t *testing.T) {
	e := newEngine(t, nil)
	s := &store{e: e, service: "web", record: record{live: map[string]string{"/a": "v-1", "/b c": "v-2"}}}
	disk := func(source, at string) map[string]string {
		return map[string]string{"type": "disk", "pool": "fast", "source": source, "path": at}
	}
	i := api.Instance{Config: map[string]string{keyMounts: text([]mount{{"/a", "/x"}, {"/b c", "/b c"}, {"/gone", "/gone"}, {"/none", "/none"}})}}
	i.Devices = api.Devices{"data-0": disk("v-1/a", "/x"), "data-1": disk("v-1/b%20c", "/b c"), "data-2": disk("v-1/gone", "/gone"), "eth0": nil}
	got := s.devices(i)
	want := api.Devices{"data-1": disk("v-2/b%20c", "/b c"), "data-2": {"type": "none"}}
	if text(got) != text(want) {
		t.Errorf("changed are %v, want %v", got, want)
	}
}

func TestTheFirstContentOfDataIsWhatTheBaseHas(t *testing.T) {
	dir := t.TempDir()
	at := time.Unix(1000000000, 0)
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.Mkdir(in("data"), 0o755), os.WriteFile(in("data/file"), []byte("text"), 0o644),
		os.Chmod(in("data/file"), fs.ModeSetuid|0o750), os.Symlink("../data/file", in("data/link")), os.Mkdir(in("data/sub"), 0o700), os.Chmod(in("data"), fs.ModeSetgid|fs.ModeSticky|0o775),
		os.Chtimes(in("data/file"), at, at), os.Chtimes(in("data/sub"), at, at), os.Chtimes(in("data"), at, at),
	); err != nil {
		t.Fatal(err)
	}
	e := engineOf(t, func(w http.ResponseWriter, _ *http.Request) { apitest.ServeFiles(w, dir) })
	files, err := e.Client.Files(t.Context(), "base")
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	var made bytes.Buffer
	w := tar.NewWriter(&made)
	size, err := seed(w, files, mount{"/srv/data", "/data"})
	if err = errors.Join(err, w.Close()); err != nil || size != 2*least+4 {
		t.Fatalf("%d bytes, %v", size, err)
	}
	r := tar.NewReader(&made)
	for _, want := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "", Mode: 0o3775}, {Typeflag: tar.TypeReg, Name: "file", Mode: 0o4750},
		{Typeflag: tar.TypeSymlink, Name: "link", Mode: 0o777, Linkname: "../data/file"}, {Typeflag: tar.TypeDir, Name: "sub/", Mode: 0o700},
	} {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != want.Typeflag || h.Name != "backup/volume/srv%2Fdata/"+want.Name || h.Mode != want.Mode || h.Linkname != want.Linkname ||
			h.Uid != os.Getuid() || h.Typeflag != tar.TypeSymlink && !h.ModTime.Equal(at) {
			t.Errorf("%+v has become %+v", want, *h)
		}
	}
}
