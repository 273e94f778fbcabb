package adopt

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// Read looks at a shared folder. iface is the interface to publish on.
func Read(dir, iface string) (*Layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	l := &Layout{Dir: dir, Interface: iface}
	jobs := l.readJobs(root)
	for _, e := range entries {
		name, found := strings.CutPrefix(e.Name(), prefix)
		if !found || !e.IsDir() {
			continue
		}
		s := service{name: name, source: e.Name(), nginx: name == nginxName}
		if s.nginx {
			s.name = nginxService(entries, jobs)
		} else if wrong := config.WrongName(name); wrong != "" {
			l.Notes = append(l.Notes, fmt.Sprintf("%s: not adopted: %s", e.Name(), wrong))
			continue
		}
		if s.folder, err = readFolder(root, e.Name()); err != nil {
			return nil, fmt.Errorf("read %s: %w", e.Name(), err)
		}
		l.services = append(l.services, s)
	}
	if len(l.services) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNothing)
	}
	for i := range l.services {
		s := &l.services[i]
		j, found := jobs[s.name]
		delete(jobs, s.name)
		s.command(j, found)
	}
	for name := range jobs {
		l.Notes = append(l.Notes, fmt.Sprintf("upstart/%s.conf: not adopted, since there is no folder %s%s", name, prefix, name))
	}
	l.connect()
	for _, s := range l.services {
		l.Notes = append(l.Notes, s.notes...)
	}
	slices.Sort(l.Notes)
	return l, nil
}

// nginxService names the service of nginx: as its job is called, else web,
// unless a folder has that name.
func nginxService(entries []fs.DirEntry, jobs map[string]job) string {
	names := []string{"web", "nginx", "nginx-proxy"}
	if _, ok := jobs["nginx"]; ok {
		names = []string{"nginx", "web", "nginx-proxy"}
	}
	for _, name := range names {
		if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == prefix+name }) {
			return name
		}
	}
	return "nginx-conf"
}

// readJobs reads the jobs of upstart, by the names of their files.
func (l *Layout) readJobs(root *os.Root) map[string]job {
	jobs := map[string]job{}
	entries, err := fs.ReadDir(root.FS(), "upstart")
	if err != nil {
		return jobs
	}
	for _, e := range entries {
		file := path.Join("upstart", e.Name())
		name, found := strings.CutSuffix(e.Name(), ".conf")
		if !found || config.WrongName(name) != "" {
			continue
		}
		content, err := readText(root, file)
		if err != nil {
			l.Notes = append(l.Notes, fmt.Sprintf("%s: not read: %v", file, err))
			continue
		}
		jobs[name] = translate(file, content)
	}
	return jobs
}

// connect finds the port of each service and whom it calls.
func (l *Layout) connect() {
	names := l.Services()
	elsewhere := map[string]string{} // by service: where its port is named by others
	ports := map[string]int{}
	for i := range l.services {
		s := &l.services[i]
		texts := slices.Clone(s.folder.texts)
		texts = append(texts, text{"upstart/" + s.name + ".conf", []string{s.exec}})
		for _, t := range texts {
			for name, h := range hosts(t, names) {
				if name == s.name {
					continue
				}
				if !slices.Contains(s.needs, name) {
					s.needs = append(s.needs, name)
				}
				if h.port != 0 && ports[name] == 0 {
					ports[name], elsewhere[name] = h.port, fmt.Sprintf("%s:%d", t.name, h.line)
				}
			}
		}
		slices.Sort(s.needs)
	}
	for i := range l.services {
		s := &l.services[i]
		s.ownPort()
		if s.port == 0 && ports[s.name] != 0 {
			s.port, s.portNote = ports[s.name], guessed+"by how "+elsewhere[s.name]+" calls it"
		}
		if s.port == 0 {
			s.port, s.portNote = usualPort, guessed+"nothing names a port"
			s.notes = append(s.notes, s.source+": no port was found: correct it in the configuration")
		}
	}
	l.breakCycles()
}

// ownPort finds the port that a service says itself that it listens on.
func (s *service) ownPort() {
	if s.port = optionPort(s.exec); s.port != 0 {
		s.portNote = "as its command says"
		return
	}
	find := settingsPort
	if s.nginx {
		find = listenPort
	}
	for _, t := range s.folder.texts {
		if port, line := find(t); port != 0 {
			s.port, s.portNote = port, fmt.Sprintf("as in %s:%d", t.name, line)
			return
		}
	}
}

// breakCycles takes needs out that would let none start first.
func (l *Layout) breakCycles() {
	state := map[string]int{} // 1: on the way, 2: done
	byName := map[string]*service{}
	for i := range l.services {
		byName[l.services[i].name] = &l.services[i]
	}
	var visit func(s *service)
	visit = func(s *service) {
		state[s.name] = 1
		s.needs = slices.DeleteFunc(s.needs, func(need string) bool {
			if state[need] == 1 {
				s.notes = append(s.notes, fmt.Sprintf("%s: it calls %s, which needs it: left out of its needs, since none could be started first", s.source, need))
				return true
			}
			if state[need] == 0 {
				visit(byName[need])
			}
			return false
		})
		state[s.name] = 2
	}
	for i := range l.services {
		if state[l.services[i].name] == 0 {
			visit(&l.services[i])
		}
	}
}
