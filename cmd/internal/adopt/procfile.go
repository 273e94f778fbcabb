package adopt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	processForm = regexp.MustCompile(`^([A-Za-z0-9_-]+):\s*(\S.*)$`)
	portUsed    = regexp.MustCompile(`\$\{?PORT\b`)
)

// readProcfile reads the lines of a Procfile: a type of process, and its command. The
// file's folder is where they run.
func readProcfile(file, text string) []*job {
	var jobs []*job
	for i, line := range strings.Split(text, "\n") {
		m := processForm.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		j := &job{name: fmt.Sprintf("%s:%d", file, i+1), file: file, service: nameOf(m[1]), exec: strings.TrimSpace(m[2]), relative: true}
		if m[1] == "release" {
			j.lost = fmt.Sprintf("%s: release: not translated: run it by before_deploy", j.name)
			j.exec = ""
		}
		if portUsed.MatchString(j.exec) || m[1] == "web" {
			j.env = append(j.env, variable{name: "PORT", value: fmt.Sprint(usualPort)}) // which the platform gives
		}
		if portUsed.MatchString(j.exec) {
			j.port = usualPort
		}
		j.worker = slices.Contains([]string{"worker", "clock", "scheduler"}, m[1])
		jobs = append(jobs, j)
	}
	return jobs
}
