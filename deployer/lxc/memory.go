package lxc

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// errNoMemory says that nobody counts a container's memory.
var errNoMemory = errors.New("the kernel does not count its memory")

// memory is what a running container holds whose init is given, on the machine
// whose files are below root. It asks the cgroup of the whole container
// (cgroups(7); cgroup v1 has a tree for memory alone, v2 one for all).
func memory(root string, init int) (int64, error) {
	own, err := os.ReadFile(filepath.Join(root, "proc", strconv.Itoa(init), "cgroup"))
	if err != nil {
		return 0, err
	}
	tree, usage, idle := "", "", ""
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		group := whole(parts[2])
		if parts[1] == "memory" {
			tree, usage, idle = filepath.Join(root, "sys/fs/cgroup/memory", group), "memory.usage_in_bytes", "total_inactive_file"
			break
		}
		if parts[1] == "" {
			tree, usage, idle = filepath.Join(root, "sys/fs/cgroup", group), "memory.current", "inactive_file"
		}
	}
	if tree == "" {
		return 0, errNoMemory
	}
	used, err := os.ReadFile(filepath.Join(tree, usage))
	if errors.Is(err, os.ErrNotExist) { // the controller is off
		err = errNoMemory
	}
	if err != nil {
		return 0, err
	}
	bytes, err := strconv.ParseInt(strings.TrimSpace(string(used)), 10, 64)
	if err != nil {
		return 0, err
	}
	return max(0, bytes-counted(filepath.Join(tree, "memory.stat"), idle)), nil
}

// whole is the cgroup of a container in whose tree its init has one: liblxc
// names it lxc.payload.<container>.
func whole(group string) string {
	parts := strings.Split(group, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "lxc.payload") {
			return strings.Join(parts[:i+1], "/")
		}
	}
	return group
}

// counted gives one of the numbers in a cgroup's statistics, 0 if it is not
// there.
func counted(path, name string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if key, value, _ := strings.Cut(lines.Text(), " "); key == name {
			n, _ := strconv.ParseInt(value, 10, 64) // 0, as if it were not there
			return n
		}
	}
	return 0
}
