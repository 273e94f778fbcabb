package lxc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// groups is where the kernel's trees of cgroups are.
const groups = "sys/fs/cgroup"

const memoryV1, memoryV2 = "lxc.cgroup.memory.limit_in_bytes", "lxc.cgroup2.memory.max"

// cpuPeriod is over how many microseconds the kernel counts the use of processors.
const cpuPeriod = 100_000

// limits is the configuration of what a container may take, on the machine whose files
// are below root: it has the trees of cgroup v1, that of v2, or both side by side,
// where a controller is in one of them (cgroups(7)). Swap would make a limit of memory
// one of speed, so there is none of it, where that can be said.
func limits(root string, memory int64, cpus float64) (items []string, err error) {
	has := func(pattern string) bool {
		found, _ := filepath.Glob(filepath.Join(root, groups, pattern)) // it is well-formed
		return len(found) > 0
	}
	v2 := func(controller string) bool {
		text, err := os.ReadFile(filepath.Join(root, groups, "cgroup.controllers"))
		return err == nil && strings.Contains(" "+strings.TrimSpace(string(text))+" ", " "+controller+" ")
	}
	add := func(key string, value any) { items = append(items, fmt.Sprintf("%s = %v", key, value)) }
	switch {
	case memory == 0:
	case has("memory/memory.limit_in_bytes"):
		add(memoryV1, memory)
		if has("memory/memory.memsw.limit_in_bytes") {
			add("lxc.cgroup.memory.memsw.limit_in_bytes", memory)
		}
	case v2("memory"):
		add(memoryV2, memory)
		if has("*/memory.swap.max") { // the root has none
			add("lxc.cgroup2.memory.swap.max", 0)
		}
	default:
		err = errors.New("this kernel cannot limit memory (no cgroup controller of that name): boot with cgroup_enable=memory, or leave memory out")
	}
	quota := int64(cpus * cpuPeriod)
	switch {
	case cpus == 0:
	case has("cpu/cpu.cfs_quota_us"):
		add("lxc.cgroup.cpu.cfs_period_us", cpuPeriod)
		add("lxc.cgroup.cpu.cfs_quota_us", quota)
	case v2("cpu"):
		add("lxc.cgroup2.cpu.max", fmt.Sprintf("%d %d", quota, cpuPeriod))
	default:
		err = errors.Join(err, errors.New("this kernel cannot limit CPUs (no cgroup controller cpu): leave cpus out"))
	}
	return items, err
}

// memoryLimit gives what a container's configuration lets it hold; 0: it does not say.
func memoryLimit(config string) (n int64) {
	text, _ := os.ReadFile(config) // one that is not there does not say
	for _, value := range slices.Concat(values(text, memoryV1), values(text, memoryV2)) {
		n, _ = strconv.ParseInt(value, 10, 64) // 0, as if it did not say
	}
	return n
}
