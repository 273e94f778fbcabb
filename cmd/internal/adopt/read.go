package adopt

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// source is a place where facts are found. Each is a file of this package.
type source func(*service)

// sources are asked in this order, the one that knows best first.
var sources = []source{
	fromJobs,       // how it was run
	fromNginx,      // nginx in front, by its configuration
	fromOptions,    // what the command line sets
	fromLayers,     // which settings there are, by the framework that reads them
	fromDropwizard, // what these say
	fromSpring,
	fromMicroProfile,
	fromSettings,
	fromDatabases,
	fromOldJava,
	fromLayout,    // what can be run of the artefacts
	fromFramework, // what is usual with its framework
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
	if share := shareBelow(root); share != "" {
		if l, err := Read(filepath.Join(dir, share)); err == nil && slices.ContainsFunc(l.services, func(s *service) bool { return !s.nginx && (s.runs.name != "" || s.exec.value != "") }) {
			l.note("%s is taken for the shared folder, since it has folders like %s…", share, prefix)
			return l, nil
		}
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
		return l, fmt.Errorf("%s: %w: %s", dir, ErrNothing, instead(root))
	}
	l.complete()
	return l, nil
}

// shareBelow gives the folder of a repository that is shared with the VM, by what is
// in it; "" where there is none, or this is it.
func shareBelow(root *os.Root) string {
	has := func(dir string) bool {
		found, _ := fs.Glob(root.FS(), path.Join(dir, prefix+"*")) // the pattern is well-formed
		return len(found) > 0
	}
	if has(".") {
		return ""
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return ""
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return !e.IsDir() || strings.HasPrefix(e.Name(), ".") || plain(e.Name()) != e.Name() || strings.ContainsAny(e.Name(), `*?[\\`) || !has(e.Name())
	})
	if len(entries) != 1 {
		return ""
	}
	return entries[0].Name()
}

// builds are files of builds, whose output is not there before they were run.
var builds = []string{"pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "build.xml", "build.sbt"}

// instead says what to give in place of a folder in which nothing runs.
func instead(root *os.Root) string {
	for _, name := range builds {
		if info, err := root.Stat(name); err == nil && info.Mode().IsRegular() {
			return "build it first, by its " + name + ", or name the folder that this build writes to"
		}
	}
	return "name the folder that your build writes to"
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
		s.java = s.classes.java
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

var asked = regexp.MustCompile(`^/[A-Za-z0-9._~/:@!&()+,;=-]*$`)

// finish puts together what is known.
func (s *service) finish() {
	if s.dir != "" && s.dir != s.target.value {
		beside := slices.ContainsFunc(s.layers, func(l layer) bool { return path.Dir(l.name) == s.source })
		if s.uses("Spring") && beside && len(s.jobs) == 0 { // which it looks for where it runs
			s.exec.value += " --spring.config.additional-location=file:" + s.target.value + "/"
		}
		if s.exec.value != "" {
			s.exec.value = "cd " + shellescape.Quote(s.dir) + " && exec " + inShell(s.exec.value)
		}
	}
	found := s.data
	s.data = nil
	for _, d := range found { // the target is known now
		s.keepData(d.value, d.note, s.source+": "+d.value)
	}
	for i, log := range s.logs {
		if dir := cmp.Or(s.dir, s.target.value); !path.IsAbs(log.value) {
			s.logs[i].value = path.Join(dir, log.value)
		}
		s.logs[i].value = path.Clean(s.logs[i].value)
	}
	s.logs = slices.DeleteFunc(s.logs, func(l told[string]) bool {
		return plain(l.value) != l.value || strings.ContainsAny(l.value, `[]*?\${}`)
	})
	if !asked.MatchString(s.health.path) {
		s.health = health{} // what is in it only a run knows
	}
	if s.health.port == s.port.value {
		s.health.port = 0
	}
}

// fromLayers finds out which files of settings a program reads, by its framework.
func fromLayers(s *service) {
	if s.nginx {
		return
	}
	switch {
	case s.uses("Spring"):
		s.layers = s.springLayers()
	case s.uses("Dropwizard"):
		// its command names its file
	case s.uses("Quarkus"), s.uses("Micronaut"), s.uses("Helidon"):
		s.layers = s.layersOf("application", "microprofile-config")
	default:
		for _, t := range slices.Concat(s.folder.texts, s.runs.settings) {
			s.layers = append(s.layers, layer{text: t})
		}
	}
}
