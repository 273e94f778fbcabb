package guest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// leanBase are files of a Debian 12 as its base is built.
var leanBase = map[string]string{
	"etc/fstab": "# UNCONFIGURED FSTAB FOR BASE SYSTEM\n", "etc/init.d/dbus": "#!/bin/sh\n", "etc/init.d/hwclock.sh": "#!/bin/sh\n",
	"usr/lib/systemd/system/dbus.service": "[Unit]\n", "usr/lib/systemd/system/hwclock.service": "",
	"usr/lib/sysctl.d/50-pid-max.conf": "kernel.pid_max = 4194304\n", "etc/sysctl.d/99-sysctl.conf": "# nothing\n; here\n\n",
	"usr/lib/sysusers.d/basic.conf": "u root 0\n", "usr/lib/sysusers.d/dbus.conf": "u messagebus -\n",
	"usr/lib/tmpfiles.d/dbus.conf": "d /run/dbus/containers\n", "usr/lib/tmpfiles.d/systemd-network.conf": "d /run/systemd/netif\n",
	"usr/lib/tmpfiles.d/tmp.conf": "D /tmp 1777 root root -\n", "etc/systemd/system/console-getty.service": "",
}

// lean gives what Lean writes for a base, without the generators that it always does:
// a link to /dev/null as an empty text.
func lean(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	base := maps.Clone(leanBase)
	maps.Copy(base, files)
	plant(t, dir, base)
	must(t, os.Symlink("usr/lib", filepath.Join(dir, "lib")))
	got := map[string]string{}
	for _, f := range opened(t, dir).Lean(Systemd) {
		if f.Link != "" && f.Link != "/dev/null" || f.Link == "" && !strings.HasPrefix(string(f.Data), "[Unit]") {
			t.Errorf("%s is %+v", f.Name, f)
		}
		if _, twice := got[f.Name]; twice {
			t.Errorf("%s is written twice", f.Name)
		}
		if !slices.Contains(idleGenerators, filepath.Base(f.Name)) {
			got[strings.TrimPrefix(strings.TrimPrefix(f.Name, units+"/"), generators+"/")] = string(f.Data)
		}
	}
	return got
}

func TestWhatCanDoNothingIsLeftOutOfABoot(t *testing.T) {
	all := map[string]string{
		"systemd-fstab-generator": "", "systemd-getty-generator": "", "systemd-rc-local-generator": "", "systemd-sysv-generator": "",
		"multi-user.target.wants/dbus.service": "", "systemd-user-sessions.service": "", "/etc/tmpfiles.d/systemd-nologin.conf": "",
		"systemd-sysctl.service": "", "systemd-sysusers.service": "",
		"systemd-tmpfiles-setup-dev.service": "", "systemd-tmpfiles-setup-dev-early.service": "", "systemd-tmpfiles-setup.service": tidy,
	}
	tmpfiles := []string{"systemd-tmpfiles-setup-dev.service", "systemd-tmpfiles-setup-dev-early.service", "systemd-tmpfiles-setup.service"}
	for _, tc := range []struct {
		name  string
		files map[string]string
		stays []string
	}{
		{"a base as it is built", nil, nil},
		{"one with PostgreSQL, which wants a folder in /run", map[string]string{"usr/lib/tmpfiles.d/postgresql.conf": "d /run/postgresql 2775 postgres postgres - -\n"},
			tmpfiles},
		{"one whose administrator has a file of the distribution's name", map[string]string{"etc/tmpfiles.d/tmp.conf": "d /tmp 1777 root root -\n"},
			tmpfiles},
		{"one whose tmpfiles are comments", map[string]string{"etc/tmpfiles.d/mine.conf": "# d /run/mine\n"}, nil},
		{"one whose unit for that is altered", map[string]string{"etc/systemd/system/systemd-tmpfiles-setup.service.d/mine.conf": "[Unit]\n"},
			[]string{"systemd-tmpfiles-setup.service"}},
		{"one that sets what a container can", map[string]string{"etc/sysctl.d/10-mine.conf": "net.core.somaxconn = 4096\n"}, []string{"systemd-sysctl.service"}},
		{"one with a package that does", map[string]string{"usr/lib/sysctl.d/30-postgresql-shm.conf": "kernel.shmmax = 1\n"}, []string{"systemd-sysctl.service"}},
		{"one that makes users at the boot", map[string]string{"etc/sysusers.d/app.conf": "u app -\n"}, []string{"systemd-sysusers.service"}},
		{"one with a filesystem to mount", map[string]string{"etc/fstab": "tmpfs /scratch tmpfs defaults 0 0\n"}, []string{"systemd-fstab-generator"}},
		{"one with an init script alone", map[string]string{"etc/init.d/tomcat": "#!/bin/sh\n"}, []string{"systemd-sysv-generator"}},
		{"one with a script for the boot", map[string]string{"etc/rc.local": "#!/bin/sh\n"}, []string{"systemd-rc-local-generator"}},
		{"one whose recipe wants a unit nevertheless", map[string]string{"etc/systemd/system/systemd-sysusers.service": "[Unit]\n"}, []string{"systemd-sysusers.service"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := maps.Clone(all)
			for _, name := range tc.stays {
				delete(want, name)
			}
			if d := cmp.Diff(want, lean(t, tc.files)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestTerminalsAreAskedForWhereTheBaseHasThem(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"etc/fstab": ""})
	for _, f := range opened(t, dir).Lean(Systemd) {
		if strings.Contains(f.Name, "getty") {
			t.Errorf("%s is written", f.Name)
		}
	}
	for _, init := range []Init{Upstart, Busybox} {
		if files := opened(t, dir).Lean(init); len(files) != 0 {
			t.Errorf("for %s there are %v", init, files)
		}
	}
}
