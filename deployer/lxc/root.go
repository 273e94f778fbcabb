//go:build cgo

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	lxc "github.com/lxc/go-lxc"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// inRoot calls do with the root of a stopped container as its init will see
// it. The root of an overlay clone is mounted for that, because what is
// written into its upper folder by hand would impose its parents' owners and
// modes on the merged tree. The mount is in a namespace of this process: it
// is gone with the process, whatever ends it.
func inRoot(c *lxc.Container, do func(root string) error) error {
	if c.Running() {
		return errors.New("it is running")
	}
	kind, path, err := rootfs(c.ConfigPath(), c.Name())
	if err != nil {
		return err
	}
	switch {
	case kind == "dir", kind == "btrfs":
		return do(path)
	case isOverlay(kind):
		lower, upper, found := strings.Cut(path, ":")
		if !found {
			return fmt.Errorf("lxc.rootfs.path: no upper folder in %q", path)
		}
		// liblxc makes this folder for every clone; an overlay's root is
		// elsewhere, so it is empty and free to mount on.
		at := filepath.Join(c.ConfigPath(), c.Name(), "rootfs")
		return inOverlay(strings.TrimPrefix(lower, "dir:"), upper, at, options(c), do)
	}
	return fmt.Errorf("lxc.rootfs.path: writing into a %q root is not known", kind)
}

// options gives what an overlay is mounted with beside its folders.
func options(c *lxc.Container) string {
	for _, o := range c.ConfigItem("lxc.rootfs.options") {
		if o == userXattr {
			return "," + o
		}
	}
	return ""
}

func inOverlay(lower, upper, at, more string, do func(root string) error) error {
	// The namespace belongs to the thread; the thread is never unlocked and
	// ends with its goroutine.
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		result <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
				return fmt.Errorf("leave the mount namespace: %w", err)
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return fmt.Errorf("make mounts private: %w", err)
			}
			work := strings.TrimSuffix(upper, "/delta") + "/work"
			if err := os.MkdirAll(work, 0o700); err != nil {
				return err
			}
			options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s%s", escape(lower), escape(upper), escape(work), more)
			if err := unix.Mount("overlay", at, "overlay", 0, options); err != nil {
				return fmt.Errorf("mount overlay %s: %w", options, err)
			}
			err := do(at)
			return errors.Join(err, unix.Unmount(at, unix.MNT_DETACH))
		}()
	}()
	return <-result
}

// unmounted is an error while somebody has something mounted in the folder of a
// container: whoever removes it would remove what is in there too. liblxc spares
// other filesystems, but not another folder of the same one (utils.c,
// lxc_rmdir_onedev).
func unmounted(folder string) error {
	folder, err := filepath.EvalSymlinks(folder) // as the kernel names it
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(folder))
	if err != nil {
		return fmt.Errorf("look for mounts: %w", err)
	}
	for _, m := range mounts {
		if m.FSType != "zfs" || m.Mountpoint != filepath.Join(folder, "rootfs") { // that one is the clone
			return fmt.Errorf("something is mounted at %s: umount it", m.Mountpoint)
		}
	}
	return nil
}

// escape protects what overlayfs reads as separators in its options.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`, `:`, `\:`).Replace(path)
}
