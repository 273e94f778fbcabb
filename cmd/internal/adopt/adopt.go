// Package adopt reads what lies in a shared folder and writes a configuration
// that runs it, with a comment on everything that was guessed.
//
//	volume-frontend/FrontendApplication.jar   a service, its command and Java's version
//	               /config.yml                its port, and whom it calls
//	upstart/frontend.conf                     its command, as the original system ran it
//	volume-nginx-conf.d/                      nginx in front: whom it calls, and its port
//	person/target/person-1.0.jar              a service, where its build leaves it
//
// What is known of a service comes from sources (facts.go), each of which is a file
// that turns bytes into facts. Nothing in the folder is changed, or followed out of
// it. What cannot be translated is in Notes, and in the comments.
package adopt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// ErrNothing says that there is no service in a folder.
var ErrNothing = errors.New("there is nothing in it that runs as a service: name the folder that your build writes to")

const (
	prefix    = "volume-"
	nginxName = "nginx-conf.d"
	guessed   = "GUESS: "
	usualPort = 8080 // of those that take it from $PORT
)

// Layout is what was found.
type Layout struct {
	Dir   string // the shared folder, absolute
	Notes []string
	// Interface is the VM's by which requests come in; "" is that of the default route.
	Interface string
	// Unprivileged says that the machine runs containers whose root is nobody
	// outside, which the bases are to be for then.
	Unprivileged bool

	services []*service
	jobs     []*job
	with     []withBacking
}

// service is one service, and what is known of it.
type service struct {
	name    string
	nginx   bool
	source  string
	files   []string
	folder  folder
	scripts []string // its start scripts
	classes classes  // what is run where that is in no archive
	runs    archive  // what is run of its folder; zero if that is no archive
	jobs    []*job   // how it was run before
	shared  string   // the shared folder, absolute
	called  told[int]
	facts
}

// Services gives the names of the services that were found.
func (l *Layout) Services() []string {
	var names []string
	for _, s := range l.services {
		names = append(names, s.name)
	}
	return names
}

// Read looks at a shared folder.
func Read(dir string) (*Layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if _, err := fs.ReadDir(root.FS(), "."); err != nil {
		return nil, err
	}
	l := &Layout{Dir: dir}
	l.readJobs(root)
	found := &search{root: root}
	found.visit(".", 0)
	l.Notes = append(l.Notes, found.notes...)
	for _, p := range found.places {
		if err := l.addPlace(root, p, found.places); err != nil {
			return nil, err
		}
	}
	if len(l.services) == 0 {
		return l, fmt.Errorf("%s: %w", dir, ErrNothing)
	}
	l.complete()
	return l, nil
}

// complete finds out what is to be known of the services.
func (l *Layout) complete() {
	l.assign()
	for _, s := range l.services {
		for _, ask := range sources {
			ask(s)
		}
	}
	l.connect()
	for _, s := range l.services {
		l.sayWants(s)
		s.finish()
		l.Notes = append(l.Notes, s.notes...)
	}
	slices.Sort(l.Notes)
}

func (l *Layout) note(format string, args ...any) {
	l.Notes = append(l.Notes, fmt.Sprintf(format, args...))
}

// addPlace makes a service of a place, unless it is none.
func (l *Layout) addPlace(root *os.Root, p place, all []place) error {
	s := &service{name: p.name, shared: l.Dir, source: p.source, files: p.files, nginx: p.nginx || p.usual && p.name == nginxName}
	if p.usual && s.nginx {
		s.name = nginxService(all, l.job("nginx") != nil)
	} else if wrong := config.WrongName(p.name); wrong != "" {
		l.note("%s: not adopted: %s", p.source, wrong)
		return nil
	}
	var err error
	if s.folder, err = readFolder(root, p.source, p.files); err != nil {
		return fmt.Errorf("read %s: %w", p.source, err)
	}
	if p.usual && l.job(s.name) == nil && len(s.folder.visible()) == 0 {
		l.note("%s: left out: it holds nothing that runs; build, and write the configuration anew, if it is a service", p.source)
		return nil
	}
	s.target.value = "/" + s.name
	switch {
	case s.nginx:
		s.target.value = nginxTarget
	case config.WrongTarget(s.target.value) != "": // a service that is called like a folder of the system
		s.target.value = "/srv/" + s.name
	}
	if len(s.folder.runnable()) == 0 {
		s.scripts = scripts(root, p.source)
	}
	s.choose(root)
	if s.runs.name == "" && len(s.scripts) == 0 {
		s.classes = findClasses(root, &s.folder)
	}
	l.services = append(l.services, s)
	return nil
}

// choose finds the archive that is run, and adds to what is known of it what its
// libraries say.
func (s *service) choose(root *os.Root) {
	for _, a := range s.folder.archives {
		if a.err != nil {
			s.notes = append(s.notes, fmt.Sprintf("%s/%s: %v", s.source, a.name, a.err))
		}
	}
	if runnable := s.folder.runnable(); len(runnable) > 0 {
		s.runs = runnable[0]
	}
	for _, file := range s.folder.files {
		dir, name := path.Split(file)
		if path.Ext(name) != ".jar" || dir == "" {
			continue
		}
		s.runs.libraries = append(s.runs.libraries, name)
		// The program's own classes, where what starts it is a script or a launcher.
		if dir == "app/" || dir == "quarkus-app/app/" || dir == "lib/" && len(s.scripts) > 0 && strings.HasPrefix(name, path.Base(s.scripts[0])) {
			own := readArchive(root, path.Join(s.source, file), file)
			s.runs.settings = append(s.runs.settings, own.settings...)
			s.runs.java = max(s.runs.java, own.java)
		}
	}
	s.java = s.runs.java
	s.runs.recognise()
}

// variable gives the value of a variable of its environment, "" if it has none.
func (s *service) variable(name string) string {
	for _, v := range s.env {
		if v.name == name {
			return v.value
		}
	}
	return ""
}

// nginxService names the service of nginx: as its job is called, else web,
// unless a folder has that name.
func nginxService(places []place, job bool) string {
	names := []string{"web", "nginx", "nginx-proxy"}
	if job {
		names = []string{"nginx", "web", "nginx-proxy"}
	}
	for _, name := range names {
		if !slices.ContainsFunc(places, func(p place) bool { return p.name == name }) {
			return name
		}
	}
	return "nginx-conf"
}
