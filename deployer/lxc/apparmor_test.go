package lxc

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProfilesGoWithTheirContainer(t *testing.T) {
	root := t.TempDir()
	kernel, cache := filepath.Join(root, "sys/kernel/security/apparmor"), filepath.Join(root, "var/cache/lxc/apparmor")
	write := func(file, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	removed := func() string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(kernel, ".remove"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	removeProfiles(root, "/var/lib/lxc", "web-1") // no AppArmor

	write(filepath.Join(kernel, ".remove"), "")
	write(filepath.Join(kernel, "profiles"), "lxc-web-12_</var/lib/lxc> (enforce)\nlxc-web-1_</other> (enforce)\n/usr/bin/man (enforce)\n")
	for _, name := range []string{"lxc-web-1_<-var-lib-lxc>", "lxc-web-12_<-var-lib-lxc>", "lxc-web-1_<-other>"} {
		write(filepath.Join(cache, "26b63962.0", name), "compiled")
		write(filepath.Join(cache, name), "compiled")
		if err := os.MkdirAll(filepath.Join(kernel, "policy/namespaces", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	removeProfiles(root, "/var/lib/lxc", "web-1")
	if got := removed(); got != "" {
		t.Errorf("the kernel is asked to remove %q, which it has not", got)
	}
	write(filepath.Join(kernel, "profiles"), "lxc-web-12_</var/lib/lxc> (enforce)\nlxc-web-1_</var/lib/lxc> (enforce)\n")
	removeProfiles(root, "/var/lib/lxc", "web-1")
	if got := removed(); got != "lxc-web-1_</var/lib/lxc>" {
		t.Errorf("the kernel is asked to remove %q", got)
	}
	var left []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), "lxc-") {
			left = append(left, strings.TrimPrefix(path, root))
		}
		return err
	})
	want := []string{
		"/sys/kernel/security/apparmor/policy/namespaces/lxc-web-12_<-var-lib-lxc>",
		"/sys/kernel/security/apparmor/policy/namespaces/lxc-web-1_<-other>",
		"/var/cache/lxc/apparmor/26b63962.0/lxc-web-12_<-var-lib-lxc>",
		"/var/cache/lxc/apparmor/26b63962.0/lxc-web-1_<-other>",
		"/var/cache/lxc/apparmor/lxc-web-12_<-var-lib-lxc>",
		"/var/cache/lxc/apparmor/lxc-web-1_<-other>",
	}
	if diff := cmp.Diff(want, left); err != nil || diff != "" {
		t.Errorf("%v, -want +left:\n%s", err, diff)
	}
}
