package adopt

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// place is where a service's artefacts are.
type place struct {
	name   string
	source string   // relative to the shared folder
	files  []string // patterns of its artefacts; nil: all in source
	usual  bool     // it is called volume-…
	nginx  bool
}

// Bounds of where services are looked for.
const (
	mostPlaces = 200
	mostFolder = 2000 // folders
	mostDepth  = 4
)

// outputs are where builds leave what runs, the best first; a star is any name.
var outputs = []string{"target/quarkus-app", "build/quarkus-app", "build/install/*", "target", "build/libs"}

// apart are folders that are read for themselves, or hold no artefacts.
var apart = []string{"upstart", "systemd", "node_modules", "src", "target", "build", "gradle", "out", "bin", "lib", "libs"}

// search finds services in a shared folder.
type search struct {
	root    *os.Root
	places  []place
	folders int
	notes   []string
}

func (s *search) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// visit looks at a folder and those below it. A module is one with a folder that a
// build writes to, or with what runs in itself.
func (s *search) visit(dir string, depth int) {
	if s.folders++; s.folders > mostFolder || len(s.places) >= mostPlaces {
		return
	}
	for _, output := range outputs {
		matches, _ := fs.Glob(s.root.FS(), path.Join(dir, output))
		if len(matches) == 1 && s.take(dir, matches[0], output == "target" || output == "build/libs") {
			return
		}
	}
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil {
		return
	}
	if s.take(dir, dir, dir == ".") && dir != "." {
		return
	}
	for _, e := range entries {
		name := e.Name()
		below := path.Join(dir, name)
		switch {
		case !e.IsDir() || strings.HasPrefix(name, ".") || slices.Contains(apart, name) || plain(name) != name:
		case dir == "." && strings.HasPrefix(name, prefix):
			s.places = append(s.places, place{name: strings.TrimPrefix(name, prefix), source: name, usual: true})
		case depth < mostDepth:
			s.visit(below, depth+1)
		}
	}
}

// take makes a service of what a folder holds, if it runs.
func (s *search) take(module, dir string, flat bool) bool {
	f, err := readFolder(s.root, dir, []string{"*"})
	if err != nil {
		return false
	}
	script := len(scripts(s.root, dir)) > 0
	runnable := f.runnable()
	switch {
	case flat && dir == "." && len(runnable) > 1: // each JAR of the share is a service
		for _, a := range runnable {
			s.add(place{name: nameOf(a.name), source: dir, files: []string{a.name}})
		}
		return true
	case flat && len(runnable) > 0:
		name := nameOf(path.Base(module))
		if module == "." {
			name = nameOf(runnable[0].name)
		}
		s.add(s.withSettings(module, place{name: name, source: dir, files: patterns(f)}, runnable[0]))
		return true
	case !flat && (script || len(runnable) > 0 || len(f.natives) > 0):
		name := nameOf(path.Base(module))
		if module == "." {
			name = nameOf(path.Base(dir))
		}
		s.add(place{name: name, source: dir})
		return true
	case dir == module && dir != "." && isNginx(f):
		s.add(place{name: nameOf(path.Base(module)), source: dir, nginx: true})
		return true
	case len(f.archives) > 0 && dir != module:
		s.note("%s: left out: none of its JARs has a Main-Class", dir)
	}
	return false
}

// isNginx says whether a folder holds a configuration of nginx.
func isNginx(f folder) bool {
	return slices.Contains(f.files, "nginx.conf") ||
		strings.HasPrefix(path.Base(f.name), "nginx") && slices.ContainsFunc(f.files, func(file string) bool { return path.Ext(file) == ".conf" })
}

// withSettings takes settings that lie in the module, beside its sources, for
// artefacts too, where the command has to name them.
func (s *search) withSettings(module string, p place, a archive) place {
	a.recognise()
	if module == p.source || a.framework == nil || a.framework.name != "Dropwizard" {
		return p
	}
	f, err := readFolder(s.root, module, []string{"*.y*ml", "*.json"})
	if err != nil {
		return p
	}
	var settings []string
	for _, t := range f.texts {
		if t.isDropwizard() {
			settings = append(settings, path.Base(t.name))
		}
	}
	if len(settings) == 0 {
		return p
	}
	for i, pattern := range p.files {
		p.files[i] = path.Join(below(p.source, module), pattern)
	}
	p.source, p.files = module, append(p.files, settings...)
	return p
}

// add adds a place unless its name will not do, or is taken.
func (s *search) add(p place) {
	if wrong := config.WrongName(p.name); wrong != "" {
		s.note("%s: not adopted as %q: %s", p.source, p.name, wrong)
	} else if i := slices.IndexFunc(s.places, func(other place) bool { return other.name == p.name }); i >= 0 {
		s.note("%s: not adopted: %s would be called %s too", p.source, s.places[i].source, p.name)
	} else {
		s.places = append(s.places, p)
	}
}

// patterns give the artefacts among what else a build leaves: archives, and the
// settings beside them.
func patterns(f folder) []string {
	var list []string
	if runnable := f.runnable(); len(runnable) == 1 {
		list = append(list, "*"+path.Ext(runnable[0].name)) // its version may change
	} else {
		list = append(list, runnable[0].name)
	}
	for _, t := range f.texts {
		list = append(list, path.Base(t.name))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// scripts gives the start scripts of an installation: those in bin beside a lib.
func scripts(root *os.Root, dir string) []string {
	jars, _ := fs.Glob(root.FS(), path.Join(dir, "lib", "*.jar"))
	if len(jars) == 0 {
		return nil
	}
	found, _ := fs.Glob(root.FS(), path.Join(dir, "bin", "*"))
	return slices.DeleteFunc(found, func(name string) bool { return filepath.Ext(name) != "" })
}

var (
	versioned = regexp.MustCompile(`[-_.]v?[0-9].*$`)
	unnamable = regexp.MustCompile(`[^a-z0-9]+`)
)

// nameOf makes a service's name of a file's or folder's: without a version, and
// with what a host name can have.
func nameOf(file string) string {
	if isArchive(file) {
		file = strings.TrimSuffix(file, path.Ext(file))
	}
	file = versioned.ReplaceAllString(file, "")
	for _, end := range []string{"-all", "-runner", "-fat", "-shaded", "-jar-with-dependencies", "-exec"} {
		file = strings.TrimSuffix(file, end)
	}
	return strings.Trim(unnamable.ReplaceAllString(strings.ToLower(file), "-"), "-")
}
