package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
)

// setItems sets "key = value" items in a container's configuration file.
func setItems(file string, items []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return renameio.WriteFile(file, []byte(withItems(string(text), items)), 0o640)
}

// withItems gives the configuration text with items set: what the text said
// of the same keys goes, since some of them (addresses) would add up. Mount
// entries do add up, on purpose. The log of the call that cloned the
// container goes too: it is a descriptor of a process that has ended.
func withItems(text string, items []string) string {
	replaced := map[string]bool{"lxc.log.file": true, "lxc.log.level": true}
	for _, item := range items {
		replaced[keyOf(item)] = true
	}
	delete(replaced, "lxc.mount.entry")
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !replaced[keyOf(line)] {
			b.WriteString(line)
		}
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	for _, item := range items {
		b.WriteString(item + "\n")
	}
	return b.String()
}

func keyOf(item string) string {
	key, _, found := strings.Cut(item, "=")
	if !found {
		return ""
	}
	return strings.TrimSpace(key)
}

// values gives what a configuration says of a key, in its order.
func values(config []byte, key string) []string {
	var all []string
	for line := range strings.Lines(string(config)) {
		if keyOf(line) == key {
			_, value, _ := strings.Cut(line, "=")
			all = append(all, strings.TrimSpace(value))
		}
	}
	return all
}

// rootfs gives the kind of a container's root, "dir" where none is named, and
// where it is. It reads the configuration file, because liblxc gives the item
// without its kind.
func rootfs(path, name string) (kind, where string, err error) {
	file := filepath.Join(path, name, "config")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	if all := values(text, "lxc.rootfs.path"); len(all) > 0 {
		where = all[len(all)-1]
	}
	if where == "" {
		return "", "", fmt.Errorf("%s: no lxc.rootfs.path", file)
	}
	if kind, rest, found := strings.Cut(where, ":"); found && !strings.Contains(kind, "/") {
		return kind, rest, nil
	}
	return "dir", where, nil
}

// userXattr makes an overlay keep its own attributes where a user namespace can
// write them: without, no folder could be made there in the place of one of the
// base that was removed (kernel doc, overlayfs, "User xattr"; Linux 5.11).
const userXattr = "userxattr"

func isOverlay(kind string) bool { return kind == "overlay" || kind == "overlayfs" }

// mappedRoot gives the host's group ID that is root in a container of this
// configuration, if another than root itself.
func mappedRoot(config []byte) (first int, mapped bool) {
	for _, value := range values(config, "lxc.idmap") {
		words := strings.Fields(value)
		if len(words) != 4 || words[0] == "u" || words[1] != "0" {
			continue
		}
		if first, err := strconv.Atoi(words[2]); err == nil && first != 0 {
			return first, true
		}
	}
	return 0, false
}

// baseRoot is rootfs of a base, which says how to mend one that is not there or
// broken.
func baseRoot(path, base string) (kind, where string, err error) {
	kind, where, err = rootfs(path, base)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("there is no base %s in %s: build it with jarloop provision", base, path)
	}
	if err == nil && (kind == "dir" || kind == "btrfs") {
		_, err = os.Stat(where)
	}
	if err != nil {
		return "", "", fmt.Errorf("the base %s is broken: %w; mend it, or have it built anew: jarloop clean --bases, jarloop provision", base, err)
	}
	return kind, where, nil
}

// Rootfs gives the folder that is the root of a base.
func (h *Host) Rootfs(name string) (string, error) {
	kind, where, err := baseRoot(h.Path, name)
	if err != nil {
		return "", err
	}
	if kind != "dir" && kind != "btrfs" {
		return "", fmt.Errorf("the root of %s is no folder but %s:%s", name, kind, where)
	}
	return where, nil
}
