//go:build cgo

package lxc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	lxc "github.com/lxc/go-lxc"
)

func clone(r request) error {
	kind, _, err := baseRoot(r.Path, r.Base)
	if err != nil {
		return err
	}
	options, err := cloneOptions(r.Backing, kind)
	if err != nil {
		return err
	}
	err = withContainer(r.Path, r.Base, func(base *lxc.Container) error {
		if base.Running() {
			return fmt.Errorf("the base is running: stop it with lxc-stop -P %s -n %s", r.Path, r.Base)
		}
		// Debian's common.conf has a hook that rewrites the clone's /etc/hosts
		// with an unanchored sed (common.conf:16). Cleared in memory only, it
		// stays as it is in the base's own file.
		if err := base.ClearConfigItem("lxc.hook.clone"); err != nil {
			return fmt.Errorf("clear lxc.hook.clone: %w", err)
		}
		return base.Clone(r.Name, options)
	})
	if err != nil {
		return err
	}
	return configure(r)
}

// configure makes a new clone the request's. One in a user namespace keeps its
// folder from its own root, whom liblxc gives it to: that one may pass, to
// mount its root filesystem, and nobody else.
func configure(r request) error {
	folder := filepath.Join(r.Path, r.Name)
	file := filepath.Join(folder, "config")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	first, mapped := mappedRoot(text)
	if !mapped {
		return setItems(file, r.Config)
	}
	if err := errors.Join(os.Chown(folder, 0, first), os.Chmod(folder, 0o710)); err != nil {
		return err
	}
	items := r.Config
	if kind, _, err := rootfs(r.Path, r.Name); err != nil {
		return err
	} else if isOverlay(kind) {
		items = append(items, "lxc.rootfs.options = "+userXattr)
	}
	return setItems(file, items)
}

// cloneOptions gives the options for a clone of the backing asked for, from a
// base whose root is of the given kind.
func cloneOptions(backing, kind string) (lxc.CloneOptions, error) {
	options := lxc.CloneOptions{KeepName: true, Snapshot: true}
	if backing == "auto" || backing == "" {
		backing = "overlay"
		if kind == "btrfs" || kind == "zfs" {
			backing = kind // an overlay of those is EINVAL for liblxc
		}
	}
	switch backing {
	case "overlay":
		options.Backend = lxc.Overlayfs
	case "btrfs":
		options.Backend = lxc.Btrfs
	case "zfs":
		options.Backend = lxc.ZFS
	case "dir":
		options.Backend, options.Snapshot = lxc.Directory, false
	default:
		return options, fmt.Errorf("unknown backing %q: use auto, overlay, btrfs, zfs or dir", backing)
	}
	return options, nil
}
