package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ofService finds the container, and its unit, in a line of proc_pid_cgroup(5).
var ofService = regexp.MustCompile(`/lxc\.payload\.([^/\n]+)/[^\n]*jarloop\.service`)

// inServices gives the processes of services in containers that run, by container.
func inServices() map[string][]int {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil
	}
	all := map[string][]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		if found := ofService.FindStringSubmatch(string(text)); found != nil {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file))) // it is one
			all[found[1]] = append(all[found[1]], pid)
		}
	}
	return all
}

// worked is the processor time of the service in each of its containers.
func worked(service string) map[string]time.Duration {
	all := map[string]time.Duration{}
	for container, pids := range inServices() {
		if !strings.HasPrefix(container, service+"-") {
			continue
		}
		for _, pid := range pids {
			if d, err := spent(pid); err == nil { // else it has ended meanwhile
				all[container] += d
			}
		}
	}
	return all
}

// archives gives the class-data archives and caches that the service of a container has
// mapped, beside that of the JDK itself.
func archives(container string) []string {
	var all []string
	for _, pid := range inServices()[container] {
		maps, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "maps")) // of one that has gone there are none
		all = append(all, archivesIn(string(maps))...)
	}
	return all
}

// archivesIn reads proc_pid_maps(5), each once.
func archivesIn(maps string) []string {
	var all []string
	last := ""
	for line := range strings.Lines(maps) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[5] == last {
			continue
		}
		last = fields[5]
		if ext := filepath.Ext(last); (ext == ".jsa" || ext == ".aot") && !strings.Contains(last, "/lib/server/") {
			all = append(all, last)
		}
	}
	return all
}
