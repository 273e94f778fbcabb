package rootfs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Attributes that name users or groups.
const (
	xattrCapability = "security.capability"
	xattrACL        = "system.posix_acl_access"
	xattrDefaultACL = "system.posix_acl_default"
)

// ShiftOwners makes the root one for unprivileged guests whose root is the host's
// ID first, if that is not 0: what belongs to ID n belongs to first+n then. What
// is shifted already stays, so that a root from an archive is either or both.
// Devices are removed: a guest gets its own from the engine, and could open any
// other that it finds. Nobody changes the root meanwhile.
func ShiftOwners(ctx context.Context, root string, first int, p Progress) error {
	if first == 0 {
		return nil
	}
	p.Step("give it to unprivileged clones")
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeDevice != 0 {
			return os.Remove(name)
		}
		if err := shiftOne(name, first); err != nil {
			return fmt.Errorf("give %s to unprivileged clones: %w", name, err)
		}
		return nil
	})
}

func shiftOne(name string, first int) error {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return err
	}
	uid, err := shifted(st.Uid, first)
	if err != nil {
		return err
	}
	gid, err := shifted(st.Gid, first)
	if err != nil {
		return err
	}
	// A file of several names comes by each of them.
	changed := uid != st.Uid || gid != st.Gid
	// A change of owner takes capabilities away, and the bits for set-uid.
	attrs := map[string][]byte{}
	for attr, change := range map[string]func([]byte, int) ([]byte, error){
		xattrCapability: shiftCapability, xattrACL: shiftACL, xattrDefaultACL: shiftACL,
	} {
		value, err := attribute(name, attr)
		if err != nil {
			return err
		}
		if value == nil {
			continue
		}
		if attrs[attr], err = change(value, first); err != nil {
			return fmt.Errorf("%s: %w", attr, err)
		}
	}
	if changed {
		if err := os.Lchown(name, int(uid), int(gid)); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFLNK {
			if err := unix.Chmod(name, st.Mode&0o7777); err != nil {
				return err
			}
		}
	}
	for attr, value := range attrs {
		if err := unix.Lsetxattr(name, attr, value, 0); err != nil {
			return fmt.Errorf("set %s: %w", attr, err)
		}
	}
	return nil
}

// shifted gives the host's ID for one inside.
func shifted(id uint32, first int) (uint32, error) {
	switch f := uint32(first); {
	case id < IDs:
		return f + id, nil
	case id >= f && id-f < IDs:
		return id, nil
	}
	return 0, fmt.Errorf("it belongs to ID %d, and clones have only those below %d", id, IDs)
}

// attribute gives an extended attribute, nil if there is none.
func attribute(name, attr string) ([]byte, error) {
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	n, err := unix.Lgetxattr(name, attr, value)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", attr, err)
	}
	return value[:n], nil
}

// shiftCapability makes a file's capabilities hold where first is root, and
// nowhere else: version 3 of the attribute (capabilities(7), and struct
// vfs_ns_cap_data in linux/capability.h).
func shiftCapability(value []byte, first int) ([]byte, error) {
	const version2, version3, versionMask, size2 = 0x02000000, 0x03000000, 0xFF000000, 20
	if len(value) < size2 {
		return nil, syscall.EINVAL
	}
	magic := binary.LittleEndian.Uint32(value)
	if v := magic & versionMask; v != version2 && v != version3 {
		return nil, fmt.Errorf("version %#x is not known", v)
	}
	out := binary.LittleEndian.AppendUint32(nil, magic&^versionMask|version3)
	out = append(out, value[4:size2]...)
	return binary.LittleEndian.AppendUint32(out, uint32(first)), nil
}

// shiftACL shifts the users and groups that an access list names: a version of
// four bytes, then entries of tag, permissions and ID
// (linux/posix_acl_xattr.h).
func shiftACL(value []byte, first int) ([]byte, error) {
	const head, entry, user, group = 4, 8, 0x02, 0x08
	if len(value) < head || (len(value)-head)%entry != 0 {
		return nil, syscall.EINVAL
	}
	out := append([]byte(nil), value...)
	for e := out[head:]; len(e) > 0; e = e[entry:] {
		if tag := binary.LittleEndian.Uint16(e); tag != user && tag != group {
			continue
		}
		id, err := shifted(binary.LittleEndian.Uint32(e[4:]), first)
		if err != nil {
			return nil, err
		}
		binary.LittleEndian.PutUint32(e[4:], id)
	}
	return out, nil
}
