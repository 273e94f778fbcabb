package guest

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// asOwner calls create as the owner of the root. A filesystem that was mounted
// in a user namespace lets nobody make a name there whom that does not know
// (EOVERFLOW), be the file a new one or renamed. The rights stay those of this
// process: the owner alone could not write into the folders of others.
func (r *Root) asOwner(create func() error) error {
	if r.uid == os.Geteuid() && r.gid == os.Getegid() {
		return create()
	}
	// The filesystem IDs are the thread's (setfsuid(2)), and a change of the
	// user's takes rights away (capabilities(7)). A thread that cannot be put
	// back stays locked, and ends with its goroutine.
	runtime.LockOSThread()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var rights [2]unix.CapUserData
	if err := unix.Capget(&head, &rights[0]); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("capget: %w", err)
	}
	err := errors.Join(setIDs(r.uid, r.gid), unix.Capset(&head, &rights[0]))
	if err == nil {
		err = create()
	}
	if back := errors.Join(setIDs(os.Geteuid(), os.Getegid()), unix.Capset(&head, &rights[0])); back != nil {
		return errors.Join(err, back)
	}
	runtime.UnlockOSThread()
	return err
}

// setIDs makes the thread act on files as a user and a group. The calls say
// nothing of whether they did, so the ones after them are asked.
func setIDs(uid, gid int) error {
	for _, id := range []struct {
		name string
		set  func(int) (int, error)
		want int
	}{
		{"setfsgid", unix.SetfsgidRetGid, gid},
		{"setfsuid", unix.SetfsuidRetUid, uid},
	} {
		if _, err := id.set(id.want); err != nil {
			return fmt.Errorf("%s: %w", id.name, err)
		}
		if is, err := id.set(-1); err != nil || is != id.want {
			return fmt.Errorf("%s %d: it is %d: %w", id.name, id.want, is, errors.Join(unix.EPERM, err))
		}
	}
	return nil
}
