package guest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWriteFilesReplacesLinksAndMode(t *testing.T) {
	r, inside, outside := image(t)
	must(t, os.Symlink("/run/systemd/resolve/stub-resolv.conf", filepath.Join(inside, "etc/resolv.conf")))
	must(t, os.WriteFile(filepath.Join(inside, "etc/hostname"), []byte("base"), 0o600))
	must(t, r.WriteFiles([]File{
		{Name: "/etc/resolv.conf", Mode: 0o644, Data: []byte("nameserver 10.0.3.1\n")},
		{Name: "/etc/hostname", Mode: 0o644, Data: []byte("person\n")},
		{Name: "/etc/mask", Link: "/dev/null"},
		{Name: "/etc/mask", Link: outside},
	}))
	if got := content(t, filepath.Join(inside, "etc/resolv.conf")); got != "nameserver 10.0.3.1\n" {
		t.Errorf("resolv.conf is %q", got)
	}
	if info, err := os.Lstat(filepath.Join(inside, "etc/hostname")); err != nil || info.Mode() != 0o644 {
		t.Errorf("hostname: %v, %v", info, err)
	}
	if link, err := os.Readlink(filepath.Join(inside, "etc/mask")); err != nil || link != outside {
		t.Errorf("link to %q, %v", link, err)
	}
	if err := r.WriteFiles([]File{{Name: "/etc", Link: "/x"}}); err == nil {
		t.Error("a folder was replaced by a link")
	}
	untouched(t, outside)
	noTemporaries(t, inside)
}

// removed removes what stands at a name, as a copy does with what is in its way.
func removed(r *Root, name string) error {
	p, err := r.at(name)
	if err != nil {
		return err
	}
	defer p.dir.Close()
	return remove(context.Background(), p, 0)
}

func TestRemoveTakesALinkButNotWhatItLeadsTo(t *testing.T) {
	r, inside, outside := image(t)
	plant(t, inside, map[string]string{"srv/a/b/c": "", "srv/f": ""})
	must(t, os.Symlink(outside, filepath.Join(inside, "srv/a/out")))
	for _, name := range []string{"/srv", "/srv", "/var/run"} {
		if err := removed(r, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r.exists("/srv") || r.exists("/var/run") || !r.exists("/run") {
		t.Error("removed too little, or what a link leads to")
	}
	untouched(t, outside)
}

func TestRemoveIsBoundedInDepth(t *testing.T) {
	r, inside, _ := image(t)
	must(t, os.MkdirAll(filepath.Join(inside, "deep", strings.Repeat("d/", 2*maxDepth)), 0o755))
	if err := removed(r, "/deep"); err == nil {
		t.Error("went down without end")
	}
}

func TestGlob(t *testing.T) {
	r, inside, outside := image(t)
	for _, name := range []string{"/log/b.log", "/log/a.log", "/log/.hidden.log", "/log/a.txt", "/log/x\n.log", "/app1/log/z.log", "/app2/log/z.log"} {
		must(t, r.WriteFile(name, nil, 0o644))
	}
	mkfifo(t, filepath.Join(inside, "log/fifo.log"))
	must(t, os.Symlink(outside, filepath.Join(inside, "out")))
	must(t, os.Symlink("/log", filepath.Join(inside, "var/log/linked")))
	for pattern, want := range map[string][]string{
		"/log/*.log":            {"/log/a.log", "/log/b.log"},
		"log/[ab].*":            {"/log/a.log", "/log/a.txt", "/log/b.log"},
		"/app*/log/?.log":       {"/app1/log/z.log", "/app2/log/z.log"},
		"/log/a.log":            {"/log/a.log"},
		"/var/log/linked/*.txt": {"/var/log/linked/a.txt"},
		"/out/*":                nil,
		"/none/*":               nil,
		"/../*":                 nil,
	} {
		if got, err := r.Glob(pattern); err != nil || !slices.Equal(got, want) {
			t.Errorf("Glob(%q) = %q, %v; want %q", pattern, got, err, want)
		}
	}
	if _, err := r.Glob("/log/[a"); err == nil {
		t.Error("a bad pattern is no error")
	}
	for i := range 2 * maxMatches {
		must(t, os.WriteFile(filepath.Join(inside, "log", strings.Repeat("x", 1+i/26)+string(rune('a'+i%26))+".many"), nil, 0o644))
	}
	if got, err := r.Glob("/log/*.many"); err != nil || len(got) > maxMatches || len(got) == 0 {
		t.Errorf("%d matches, %v; want at most %d", len(got), err, maxMatches)
	}
}
