package base

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// idCount is how many IDs an unprivileged clone has: 0 to 65535, as Debian
// uses them.
const idCount = 1 << 16

// usualFirst is where IDs for containers begin (useradd's SUB_UID_MIN).
const usualFirst = 100000

// FirstID gives the host's user and group ID that is root in unprivileged
// clones. It is from root's ranges in /etc/subuid and /etc/subgid. Where there
// are none though liblxc has to ask newuidmap, which goes by them, the error
// says how to add them.
func FirstID() (int, error) {
	var texts [2]string
	for i, file := range []string{"/etc/subuid", "/etc/subgid"} {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		texts[i] = string(text)
	}
	uids, gids := parseRanges(texts[0]), parseRanges(texts[1])
	if first, found := common(uids, gids); found {
		return first, nil
	}
	free := freeID(append(uids, gids...))
	if !onPath("newuidmap") || !onPath("newgidmap") {
		return free, nil // liblxc writes the map itself
	}
	return 0, fmt.Errorf("root has no range of %d IDs that is the same in /etc/subuid and /etc/subgid: "+
		`printf 'root:%d:%d\n' | sudo tee -a /etc/subuid /etc/subgid`, idCount, free, idCount)
}

func onPath(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// idRange is a line of subuid(5).
type idRange struct {
	root         bool
	first, count int
}

// parseRanges reads subuid(5), and passes over what makes no sense, as
// newuidmap does.
func parseRanges(text string) []idRange {
	var all []idRange
	for line := range strings.Lines(text) {
		words := strings.Split(strings.TrimSpace(line), ":")
		if len(words) != 3 {
			continue
		}
		first, err1 := strconv.ParseUint(words[1], 10, 31)
		count, err2 := strconv.ParseUint(words[2], 10, 31)
		if err1 == nil && err2 == nil {
			all = append(all, idRange{words[0] == "root" || words[0] == "0", int(first), int(count)})
		}
	}
	return all
}

// common gives the beginning of root's first range that is large enough, and
// the same for users and groups. One that meets the IDs inside could not be
// told from those.
func common(uids, gids []idRange) (first int, found bool) {
	for _, u := range uids {
		for _, g := range gids {
			if u.root && g.root && u.first == g.first && min(u.count, g.count) >= idCount && u.first >= idCount {
				return u.first, true
			}
		}
	}
	return 0, false
}

// freeID gives the beginning of a range that meets no other: whoever shares
// one could act as the containers' root.
func freeID(taken []idRange) int {
	free := usualFirst
	for _, r := range taken {
		free = max(free, r.first+r.count)
	}
	return free
}

// Unprivileged says what is in the way of unprivileged clones below path on
// this machine as it is; nil if nothing is. path need not be there yet.
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

// Passable says which folder on the way to dir cannot be passed by a user of
// the host whose group is gid and who is nobody else: mounts of an unprivileged
// clone are made by its own root.
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
