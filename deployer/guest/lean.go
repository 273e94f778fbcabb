package guest

import (
	"path"
	"slices"
	"strings"
)

// Lean gives the files by which a clone of this base boots without what can do nothing
// for it: a boot's time goes with processes, and systemd starts one for each generator
// before it looks at the first unit. What the base has in /etc/systemd stands, and what
// it has configured (tmpfiles.d, sysctl.d, fstab, init scripts) is done.
func (r *Root) Lean(i Init) []File {
	if i != Systemd {
		return nil
	}
	var files []File
	mask := func(folder string, names ...string) {
		for _, name := range names {
			if name = path.Join(folder, name); !r.occupied(name) {
				files = append(files, File{Name: name, Link: "/dev/null"})
			}
		}
	}
	mask(generators, idleGenerators...)
	for name, needed := range map[string]bool{
		"systemd-fstab-generator":    r.says("/etc/fstab"),
		"systemd-getty-generator":    !r.occupied(units + "/console-getty.service"), // else no terminal is asked for
		"systemd-rc-local-generator": r.exists("/etc/rc.local"),
		"systemd-sysv-generator":     r.oldScripts(),
	} {
		if !needed {
			mask(generators, name)
		}
	}
	// The bus is there for who connects to it: its socket starts it.
	mask(units, "multi-user.target.wants/dbus.service")
	// Log-ins are forbidden for the time of the boot, and then allowed.
	mask(units, "systemd-user-sessions.service")
	mask("/etc/tmpfiles.d", "systemd-nologin.conf")
	if !r.configures("sysctl.d", unwritable...) {
		mask(units, "systemd-sysctl.service")
	}
	if !r.configures("sysusers.d", anyOf...) { // packages make their users when they are installed
		mask(units, "systemd-sysusers.service")
	}
	if !r.configures("tmpfiles.d", ofDistribution...) {
		mask(units, "systemd-tmpfiles-setup-dev.service", "systemd-tmpfiles-setup-dev-early.service")
		if name := units + "/systemd-tmpfiles-setup.service"; !r.occupied(name) && !r.occupied(name+".d") {
			files = append(files, text(name, tidy))
		}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files
}

const (
	units      = "/etc/systemd/system"
	generators = "/etc/systemd/system-generators"
)

// idleGenerators are systemd's own that do nothing in a container (systemd.generator(7)):
// for disks, for the kernel's command line, for updates while offline.
var idleGenerators = []string{
	"systemd-bless-boot-generator", "systemd-cryptsetup-generator", "systemd-debug-generator",
	"systemd-factory-reset-generator", "systemd-gpt-auto-generator",
	"systemd-hibernate-resume-generator", "systemd-integritysetup-generator", "systemd-run-generator",
	"systemd-system-update-generator", "systemd-tpm2-generator", "systemd-veritysetup-generator",
}

// tidy takes the place of systemd-tmpfiles-setup.service where no package wants anything
// of it. What the distribution's own files ask for is in the base, or is made by systemd
// itself; left is the clearing of /tmp, of a boot before. It waits for no journal.
const tidy = `[Unit]
Description=Clear what a boot before has left
Documentation=man:systemd-tmpfiles(8)
DefaultDependencies=no
ConditionDirectoryNotEmpty=|/tmp
ConditionDirectoryNotEmpty=|/var/tmp
ConditionPathExists=|!/etc/mtab
ConditionPathExists=|!/run/lock
After=local-fs.target
Conflicts=shutdown.target
Before=sysinit.target shutdown.target
RefuseManualStop=yes

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=systemd-tmpfiles --create --remove --boot --exclude-prefix=/dev
SuccessExitStatus=DATAERR CANTCREAT
`

// What distributions bring themselves, beside what they let packages bring.
var (
	anyOf = []string{"*"}
	// unwritable set what a container may not.
	unwritable     = []string{"50-pid-max.conf", "*protect-links.conf"}
	ofDistribution = []string{
		"20-systemd-*.conf", "credstore.conf", "dbus.conf", "debian.conf", "home.conf", "journal-nocow.conf",
		"legacy.conf", "passwd.conf", "provision.conf", "root.conf", "static-nodes-permissions.conf", "systemd*.conf",
		"tmp.conf", "var.conf", "x11.conf",
	}
)

// configures says whether the base has a configuration of a kind beside the packages'
// files of those names: one of its administrator's counts by whatever name.
func (r *Root) configures(kind string, but ...string) bool {
	return slices.ContainsFunc(r.confs(kind, "/etc", "/usr/local/lib"), r.says) ||
		slices.ContainsFunc(r.confs(kind, "/usr/lib", "/lib"), func(file string) bool {
			return !slices.ContainsFunc(but, func(pattern string) bool {
				known, _ := path.Match(pattern, path.Base(file))
				return known
			}) && r.says(file)
		})
}

// confs gives the files of a configuration in folders.
func (r *Root) confs(kind string, folders ...string) (files []string) {
	for _, folder := range folders {
		found, _ := r.Glob(path.Join(folder, kind, "*.conf")) // the pattern is well-formed
		files = append(files, found...)
	}
	return files
}

// says whether a file has a line that is neither empty nor a comment. One that cannot be
// read has.
func (r *Root) says(name string) bool {
	if !r.exists(name) {
		return false
	}
	content, err := r.ReadFile(name)
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
			return true
		}
	}
	return false
}

// oldScripts says whether there is an init script without a unit of its name.
func (r *Root) oldScripts() bool {
	scripts, _ := r.Glob("/etc/init.d/*") // the pattern is well-formed
	return slices.ContainsFunc(scripts, func(script string) bool {
		unit := strings.TrimSuffix(path.Base(script), ".sh") + ".service"
		return path.Base(script) != "README" && !slices.ContainsFunc([]string{units, "/usr/lib/systemd/system", "/lib/systemd/system"},
			func(folder string) bool { return r.occupied(path.Join(folder, unit)) })
	})
}

// occupied says whether something stands at a name, be it a link that leads nowhere.
func (r *Root) occupied(name string) bool {
	folder, err := r.folder(path.Dir(name), false)
	if err != nil {
		return false
	}
	defer folder.Close()
	_, _, err = look(place{folder, path.Base(name)})
	return err == nil
}
