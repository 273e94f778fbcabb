package lxc

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// errNoMemory says that nobody counts a container's memory.
var errNoMemory = errors.New("the kernel does not count its memory")

// memory is what a running container holds whose init is given, on the machine
// whose files are below root.
func memory(root string, init int) (int64, error) {
	group, v1, err := memoryGroup(root, init)
	if err != nil {
		return 0, err
	}
	usage, idle := "memory.current", "inactive_file"
	if v1 {
		usage, idle = "memory.usage_in_bytes", "total_inactive_file"
	}
	used, err := os.ReadFile(filepath.Join(group, usage))
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
	return max(0, bytes-counted(filepath.Join(group, "memory.stat"), idle)), nil
}

// overMemory says whether something in a running container was killed for the
// container's own limit, and not for the machine's want of memory. v2 counts that
// (memory.events); v1 says what it has held at most (memory.failcnt does not count on
// Linux 6.18).
func overMemory(root string, init int) bool {
	group, v1, err := memoryGroup(root, init)
	if err != nil {
		return false
	}
	if !v1 {
		return counted(filepath.Join(group, "memory.events"), "oom") > 0
	}
	most, limit := number(filepath.Join(group, "memory.max_usage_in_bytes")), number(filepath.Join(group, "memory.limit_in_bytes"))
	return limit > 0 && most >= limit-limit/64 // it is taken in pieces
}

// number gives what a file of a cgroup says, 0 if it is not there.
func number(path string) int64 {
	text, _ := os.ReadFile(path)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // 0, as if it were not there
	return n
}

// memoryGroup gives the cgroup of the whole container, of that tree in which memory is
// counted (cgroups(7)): v1 has one for memory alone, v2 one for all.
func memoryGroup(root string, init int) (group string, v1 bool, err error) {
	own, err := os.ReadFile(filepath.Join(root, "proc", strconv.Itoa(init), "cgroup"))
	if err != nil {
		return "", false, err
	}
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		of := whole(parts[2])
		if parts[1] == "memory" {
			return filepath.Join(root, groups, "memory", of), true, nil
		}
		if parts[1] == "" {
			group = filepath.Join(root, groups, of)
		}
	}
	if group == "" {
		return "", false, errNoMemory
	}
	return group, false, nil
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
	text, _ := os.ReadFile(path)
	for line := range strings.SplitSeq(string(text), "\n") {
		if key, value, _ := strings.Cut(line, " "); key == name {
			n, _ := strconv.ParseInt(value, 10, 64) // 0, as if it were not there
			return n
		}
	}
	return 0
}
