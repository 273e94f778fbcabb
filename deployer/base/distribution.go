package base

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// always are the packages of every base that is built from a distribution: an
// init, what it is asked through, the tools that look at the network, and an
// answer to "who am I", without which a JVM that asks for its own host name
// waits for a name server.
var always = []string{"systemd", "systemd-sysv", "dbus", "iproute2", "ca-certificates", "libnss-myhostname"}

// distribution makes the root with mmdebstrap.
func (w *build) distribution(ctx context.Context) (config string, err error) {
	w.begin("install " + w.recipe.Distribution)
	if err := w.makeSubvolume(ctx); err != nil {
		return "", err
	}
	if err := w.mmdebstrap(ctx); err != nil {
		return "", err
	}
	return w.settings().render(), nil
}

// settings are those of a base that is built from a distribution.
func (w *build) settings() settings {
	name, _ := w.recipe.distribution()
	return settings{
		include:   includeFor(name, onDisk),
		arch:      arch(),
		container: w.container,
		rootfs:    w.rootfsPath(),
		bridge:    w.Bridge,
		halt:      haltSystemd,
		apparmor:  profile(),
		first:     w.recipe.First,
	}
}

func (w *build) mmdebstrap(ctx context.Context) error {
	name, _ := w.recipe.distribution()
	unsigned := false
	err := run(ctx, func(text string) {
		unsigned = unsigned || strings.Contains(text, "NO_PUBKEY") || strings.Contains(text, "is not signed")
		w.line(text)
	}, "mmdebstrap", mmdebstrapArgs(w.recipe, w.root)...)
	if err != nil && unsigned {
		return fmt.Errorf("this host lacks the keys of %s: apt-get install %s, or put them in /etc/apt/trusted.gpg.d: mmdebstrap: %w",
			w.recipe.Distribution, keyring(name), err)
	}
	if err != nil {
		return fmt.Errorf("mmdebstrap %s: %w", w.recipe.Distribution, err)
	}
	return nil
}

// mmdebstrapArgs gives the arguments that make root.
func mmdebstrapArgs(r Recipe, root string) []string {
	name, suite := r.distribution()
	args := []string{
		"--verbose", "--mode=root", "--format=directory", "--variant=minbase",
		"--include=" + strings.Join(slices.Concat(always, r.Packages), ","),
		"--dpkgopt=force-unsafe-io", // synced once, at the end of the build
		`--aptopt=Acquire::Languages "none"`,
		`--aptopt=Acquire::Retries "3"`,
	}
	if name == "ubuntu" {
		args = append(args, "--components=main,universe")
	}
	args = append(args, suite, root)
	if r.Mirror != "" {
		args = append(args, r.Mirror)
	}
	return args
}

// keyring names the package with a distribution's keys.
func keyring(name string) string {
	return map[string]string{
		"debian": "debian-archive-keyring",
		"ubuntu": "ubuntu-keyring (ubuntu-archive-keyring on Debian)",
	}[name]
}

// rootfsPath gives lxc.rootfs.path.
func (w *build) rootfsPath() string {
	if w.Backing == "btrfs" {
		return "btrfs:" + w.root
	}
	return "dir:" + w.root
}

// makeSubvolume makes the empty root where it must be a subvolume.
func (w *build) makeSubvolume(ctx context.Context) error {
	if w.Backing != "btrfs" {
		return nil
	}
	err := run(ctx, w.line, "btrfs", "subvolume", "create", w.root)
	if err != nil {
		return fmt.Errorf("make a subvolume (backing btrfs needs %s to be on btrfs): %w", w.Path, err)
	}
	return nil
}

func onDisk(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// profile gives the AppArmor profile for the base's clones, "" on a host
// without AppArmor.
func profile() string {
	if !onDisk("/sys/kernel/security/apparmor") {
		return ""
	}
	// liblxc writes and loads the profile with it.
	if _, err := find("apparmor_parser"); err != nil {
		return "unconfined"
	}
	return "generated"
}
