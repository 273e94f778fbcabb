package adopt

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// jobFiles are where programs are described that run services, and what reads them.
var jobFiles = []struct {
	pattern string
	read    func(file, text string) []*job
}{
	{"compose.y*ml", readCompose}, {"docker-compose.y*ml", readCompose},
	{"*.service", readUnit}, {"systemd/*.service", readUnit}, {"*/*.service", readUnit},
	{"Procfile", readProcfile}, {"*/Procfile", readProcfile},
	{"upstart/*.conf", readUpstart},
	{"Dockerfile", readDockerfile}, {"*/Dockerfile", readDockerfile},
}

// readJobs reads all descriptions of how services were run, those that say most first.
func (l *Layout) readJobs(root *os.Root) {
	var read []string
	for _, kind := range jobFiles {
		files, _ := fs.Glob(root.FS(), kind.pattern)
		for _, file := range files {
			if slices.Contains(read, file) || plain(file) != file || len(read) >= mostPlaces {
				continue
			}
			read = append(read, file)
			content, err := readText(root, file)
			if err != nil {
				l.note("%s: not read: %v", file, err)
				continue
			}
			l.jobs = append(l.jobs, kind.read(file, content)...)
		}
	}
}

func readUpstart(file, text string) []*job {
	j := translate(file, text)
	j.service = strings.TrimSuffix(path.Base(file), ".conf")
	return []*job{&j}
}

// job gives the first job of a name.
func (l *Layout) job(name string) *job {
	i := slices.IndexFunc(l.jobs, func(j *job) bool { return j.service == name })
	if i < 0 {
		return nil
	}
	return l.jobs[i]
}

// assign gives each job to the service that it runs. A second one of the same file
// that runs the same artefacts is a service of its own.
func (l *Layout) assign() {
	for _, j := range l.jobs {
		s := l.service(j.service)
		if s == nil {
			s = l.runBy(j)
		}
		switch {
		case s == nil && j.from != "" && l.withImage(j):
		case s == nil && j.image: // no more than how something is built
		case s == nil && j.lost != "":
			l.Notes = append(l.Notes, j.lost)
		case s == nil:
			l.note("%s: not adopted, since there is no folder %s%s", j.name, prefix, j.service)
		case slices.ContainsFunc(s.jobs, func(other *job) bool { return other.file == j.file }):
			l.twin(s, j)
		default:
			s.jobs = append(s.jobs, j)
		}
	}
}

// runBy finds the service whose artefacts a job runs.
func (l *Layout) runBy(j *job) *service {
	if i := slices.IndexFunc(l.services, func(s *service) bool { return s.isRunBy(j) }); i >= 0 {
		return l.services[i]
	}
	if slices.Contains(j.folders, ".") && len(l.services) == 1 {
		return l.services[0]
	}
	return nil
}

func (s *service) isRunBy(j *job) bool {
	here := path.Dir(j.file)
	jar := jarOption.FindStringSubmatch(j.exec)
	mounted := func(m mount) bool { return within(m.from, s.source) || m.from != "." && within(s.source, m.from) }
	switch {
	case here == s.source && here != ".", slices.ContainsFunc(j.mounts, mounted),
		slices.ContainsFunc(j.folders, func(f string) bool { return within(s.source, f) }):
		return true
	case s.nginx:
		return nginxProgram.MatchString(j.exec)
	case jar == nil:
		return j.relative && strings.Contains(j.exec, below(s.source, here)+"/")
	case j.relative:
		return within(path.Dir(path.Join(here, jar[1])), s.source)
	}
	return slices.Contains(s.folder.files, path.Base(jar[1]))
}

// twin makes a service of a job that runs what another service is made of.
func (l *Layout) twin(of *service, j *job) {
	name := j.service
	if config.WrongName(name) != "" || l.service(name) != nil {
		name = of.name + "-" + nameOf(name)
	}
	if wrong := config.WrongName(name); wrong != "" || l.service(name) != nil {
		l.note("%s: not adopted as %q", j.name, name)
		return
	}
	s := &service{name: name, source: of.source, files: of.files, folder: of.folder, scripts: of.scripts, runs: of.runs, jobs: []*job{j}}
	s.target, s.java = of.target, of.java
	l.services = append(l.services, s)
}

// fromJobs takes over how the service was run before.
func fromJobs(s *service) {
	for _, j := range s.jobs {
		s.fromJob(j)
	}
}

func (s *service) fromJob(j *job) {
	if s.about == "" {
		s.about = j.about
	}
	if s.dir == "" {
		s.dir = j.dir
	}
	s.users, s.makes, s.notes = append(s.users, j.users...), append(s.makes, j.makes...), append(s.notes, j.said...)
	for _, v := range j.env {
		if !slices.ContainsFunc(s.env, func(other variable) bool { return other.name == v.name }) {
			s.env = append(s.env, v)
		}
	}
	for _, file := range j.envFiles {
		s.addEnvFile(j, file)
	}
	for _, file := range j.logs {
		s.addLog(file, "")
	}
	for _, m := range j.mounts {
		s.mount(j, m)
	}
	for _, folder := range j.data {
		s.keepData(folder, "a volume of "+j.name, j.name+": the volume "+folder)
	}
	s.calls = append(s.calls, j.needs...)
	s.port.learn(j.port, "as in "+j.name)
	s.memory.learn(j.memory, "as in "+j.name)
	s.cpus.learn(j.cpus, "as in "+j.name)
	if s.health.path == "" {
		s.health = j.health
	}
	if j.worker {
		s.worker.learn(j.name, "as "+j.name+" says")
	}
	if plain(j.exec) != j.exec {
		s.notes = append(s.notes, j.name+": the command has control characters; not translated")
		return
	}
	if strings.HasPrefix(j.exec, "-") { // for what an image runs
		s.arguments.learn(j.exec, "as in "+j.name)
		return
	}
	if j.image && s.exec.value == "" {
		s.fromImage(j)
	}
	if j.exec == "" || s.exec.value != "" || j.image {
		return
	}
	s.exec.learn(j.exec, "as in "+j.name)
	if j.relative {
		s.rebase(path.Dir(j.file))
	} else {
		s.moveTo(s.runFile())
	}
}

// mount puts the artefacts where a job has them.
func (s *service) mount(j *job, m mount) {
	target := ""
	switch {
	case within(s.source, m.from):
		target = path.Join(m.to, strings.TrimPrefix(s.source, m.from))
	case path.Dir(m.from) == s.source:
		target = path.Dir(m.to)
	default:
		s.notes = append(s.notes, fmt.Sprintf("%s: %s is not translated: put what %s wants there among its artefacts", j.name, m.from, s.name))
	}
	if config.WrongTarget(target) == "" {
		s.target = told[string]{target, "as in " + j.name}
	}
}

// rebase makes names that are relative to a folder of the share those in the
// container.
func (s *service) rebase(dir string) {
	if s.source == dir {
		return // where they run in the container, too
	}
	word := regexp.MustCompile(`(^|[\s"'=:])(?:\./)?` + regexp.QuoteMeta(below(s.source, dir)) + `/`)
	s.exec.value = word.ReplaceAllString(s.exec.value, "${1}"+s.target.value+"/")
}

// runFile gives the file of the service that its command runs, "" if none is seen.
func (s *service) runFile() string {
	if m := jarOption.FindStringSubmatch(s.exec.value); m != nil {
		return m[1]
	}
	return ""
}

// addEnvFile takes a file of settings over that is in the share.
func (s *service) addEnvFile(j *job, file string) {
	switch inShare := path.Join(path.Dir(j.file), file); {
	case slices.Contains(s.folder.files, path.Base(file)) && (path.IsAbs(file) || path.Dir(inShare) == s.source):
		s.envFiles = append(s.envFiles, path.Base(file))
	case path.IsAbs(file):
		s.notes = append(s.notes, fmt.Sprintf("%s: %s is not in the folder: put it there, and name it in env_file", j.name, file))
	default:
		s.envFiles = append(s.envFiles, path.Join(s.shared, inShare))
	}
}
