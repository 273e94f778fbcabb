//go:build cgo

package lxc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLimitsGoToTheTreeThatHasTheController(t *testing.T) {
	v1 := map[string]string{
		"memory/memory.limit_in_bytes": "", "memory/memory.memsw.limit_in_bytes": "", "cpu/cpu.cfs_quota_us": "",
		"unified/cgroup.controllers": "hugetlb\n",
	}
	v2 := map[string]string{"cgroup.controllers": "cpuset cpu io memory pids\n", "init.scope/memory.swap.max": "max\n"}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
		err   string
	}{
		{"v1, or both side by side", v1, []string{
			"lxc.cgroup.memory.limit_in_bytes = 1048576", "lxc.cgroup.memory.memsw.limit_in_bytes = 1048576",
			"lxc.cgroup.cpu.cfs_period_us = 100000", "lxc.cgroup.cpu.cfs_quota_us = 150000",
		}, ""},
		{"v2", v2, []string{"lxc.cgroup2.memory.max = 1048576", "lxc.cgroup2.memory.swap.max = 0", "lxc.cgroup2.cpu.max = 150000 100000"}, ""},
		{"v2 without swap", map[string]string{"cgroup.controllers": "cpu memory"}, []string{
			"lxc.cgroup2.memory.max = 1048576", "lxc.cgroup2.cpu.max = 150000 100000",
		}, ""},
		{"none", map[string]string{"cgroup.controllers": "cpuset io"}, nil, "leave memory out\nthis kernel cannot limit CPUs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range c.files {
				name = filepath.Join(root, groups, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				writeFile(t, name, text)
			}
			got, err := limits(root, 1<<20, 1.5)
			if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v; want %q, %q", got, err, c.want, c.err)
			}
			if got, err := limits(root, 0, 0); len(got) > 0 || err != nil {
				t.Errorf("without a limit: %q, %v", got, err)
			}
			config := filepath.Join(root, "config")
			writeFile(t, config, strings.Join(append(got, ""), "\n"))
			if n := memoryLimit(config); n != 1<<20 && c.err == "" {
				t.Errorf("the configuration lets it hold %d", n)
			}
		})
	}
}

func TestTheMachinesOwnWantOfMemoryIsNotTheLimits(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"v2, its limit", map[string]string{"proc/7/cgroup": "0::/lxc.payload.web-1/x\n", "sys/fs/cgroup/lxc.payload.web-1/memory.events": "max 9\noom 1\noom_kill 1\n"}, true},
		{"v2, the machine", map[string]string{"proc/7/cgroup": "0::/lxc.payload.web-1/x\n", "sys/fs/cgroup/lxc.payload.web-1/memory.events": "max 0\noom 0\noom_kill 1\n"}, false},
		{"v1, its limit", map[string]string{
			"proc/7/cgroup": "4:memory:/lxc.payload.web-1/x\n0::/\n",
			"sys/fs/cgroup/memory/lxc.payload.web-1/memory.limit_in_bytes":     "134217728\n",
			"sys/fs/cgroup/memory/lxc.payload.web-1/memory.max_usage_in_bytes": "134217728\n",
		}, true},
		{"v1, its limit but for a piece", map[string]string{
			"proc/7/cgroup": "4:memory:/lxc.payload.web-1/x\n0::/\n",
			"sys/fs/cgroup/memory/lxc.payload.web-1/memory.limit_in_bytes":     "134217728\n",
			"sys/fs/cgroup/memory/lxc.payload.web-1/memory.max_usage_in_bytes": "134086656\n",
		}, true},
		{"v1, the machine", map[string]string{
			"proc/7/cgroup": "4:memory:/lxc.payload.web-1/x\n0::/\n",
			"sys/fs/cgroup/memory/lxc.payload.web-1/memory.limit_in_bytes":     "134217728\n",
			"sys/fs/cgroup/memory/lxc.payload.web-1/memory.max_usage_in_bytes": "100000000\n",
		}, false},
		{"it is gone", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range c.files {
				name = filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				writeFile(t, name, text)
			}
			if got := overMemory(root, 7); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}
