package base

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
)

// usualFirst is where IDs for containers begin (useradd's SUB_UID_MIN).
const usualFirst = 100000

// FirstID gives the host's user and group ID that is root in unprivileged
// clones, from root's ranges in /etc/subuid and /etc/subgid. Without ranges it is
// an ID that is free, unless newuidmap is installed: liblxc uses that then, and it
// allows nothing else than the ranges. The error says how to add them.
func FirstID() (int, error) {
	uids, err := readRanges("/etc/subuid")
	if err != nil {
		return 0, err
	}
	gids, err := readRanges("/etc/subgid")
	if err != nil {
		return 0, err
	}
	if first, found := common(uids, gids); found {
		return first, nil
	}
	free := freeID(slices.Concat(uids, gids))
	if !onPath("newuidmap") || !onPath("newgidmap") {
		return free, nil // liblxc writes the map itself
	}
	return 0, fmt.Errorf("root has no range of %d IDs that is the same in /etc/subuid and /etc/subgid: "+
		`printf 'root:%d:%d\n' | sudo tee -a /etc/subuid /etc/subgid`, rootfs.IDs, free, rootfs.IDs)
}

func onPath(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// readRanges reads subuid(5) or subgid(5), which need not be there.
func readRanges(file string) ([]user.SubID, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseRanges(f)
}

// parseRanges leaves out lines that make no sense, as newuidmap does.
func parseRanges(text io.Reader) ([]user.SubID, error) {
	return user.ParseSubIDFilter(text, func(r user.SubID) bool {
		return r.SubID >= 0 && r.SubID <= math.MaxInt32 && r.Count > 0 && r.Count <= math.MaxInt32
	})
}

// common gives the beginning of root's first range that is large enough, and
// the same for users and groups. One that overlaps the IDs inside could not be
// told from those.
func common(uids, gids []user.SubID) (first int, found bool) {
	isRoot := func(r user.SubID) bool { return r.Name == "root" || r.Name == "0" }
	for _, u := range uids {
		for _, g := range gids {
			if isRoot(u) && isRoot(g) && u.SubID == g.SubID && min(u.Count, g.Count) >= rootfs.IDs && u.SubID >= rootfs.IDs {
				return int(u.SubID), true
			}
		}
	}
	return 0, false
}

// freeID gives the beginning of a range that overlaps no other: whoever shares
// one could act as the containers' root.
func freeID(taken []user.SubID) int {
	free := int64(usualFirst)
	for _, r := range taken {
		free = max(free, r.SubID+r.Count)
	}
	return int(free)
}

// Unprivileged says why this machine cannot have unprivileged clones below path;
// nil if it can. path need not be there yet.
func Unprivileged(path string) error {
	first, err := FirstID()
	if err != nil {
		return err
	}
	most, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	if err != nil || strings.TrimSpace(string(most)) == "0" {
		return errors.New("this kernel makes no user namespaces")
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	if release := unix.ByteSliceToString(name.Release[:]); !mountsOverlays(release) {
		return fmt.Errorf("an overlay is not mounted in a user namespace by Linux %s, but by 5.11", release)
	}
	for {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return Passable(path, first)
		}
		path = filepath.Dir(path)
	}
}

// mountsOverlays says whether Linux of that release lets root of a user namespace
// mount an overlay.
func mountsOverlays(release string) bool {
	var major, minor int
	_, err := fmt.Sscanf(release, "%d.%d", &major, &minor)
	return err == nil && (major > 5 || major == 5 && minor >= 11)
}

// Passable is an error that names the first folder on the way to dir that a user
// cannot pass whose only group is gid. An unprivileged clone's root is such a user,
// and makes the clone's mounts.
func Passable(dir string, gid int) error {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if info.Mode()&0o001 == 0 && (int(st.Gid) != gid || info.Mode()&0o010 == 0) {
			return fmt.Errorf("unprivileged containers cannot pass %s: chmod o+x %s", dir, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}
