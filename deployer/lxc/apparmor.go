package lxc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// removeProfiles removes what liblxc has AppArmor keep of a container whose profile
// it generates (src/lxc/lsm/apparmor.c): the profile and its namespace in the kernel,
// which stay when the monitor is killed, and the compiled profile, which always
// stays. No generation's name comes again, so they would add up. root is that of the
// filesystem. Where AppArmor is not on, there is nothing.
func removeProfiles(root, path, name string) {
	profile := "lxc-" + name + "_<" + path + ">"
	file := strings.ReplaceAll(profile, "/", "-")
	kernel := filepath.Join(root, "sys/kernel/security/apparmor")
	_ = os.Remove(filepath.Join(kernel, "policy/namespaces", file))
	loaded, _ := os.ReadFile(filepath.Join(kernel, "profiles")) // "NAME (MODE)" in each line
	if slices.ContainsFunc(strings.Split(string(loaded), "\n"), func(line string) bool { return strings.HasPrefix(line, profile+" (") }) {
		_ = os.WriteFile(filepath.Join(kernel, ".remove"), []byte(profile), 0o600) // which is there
	}
	cache := filepath.Join(root, "var/cache/lxc/apparmor") // in it a folder for each kernel
	folders, _ := os.ReadDir(cache)
	for _, folder := range folders {
		_ = os.Remove(filepath.Join(cache, folder.Name(), file))
	}
	_ = os.Remove(filepath.Join(cache, file)) // of older parsers
}
