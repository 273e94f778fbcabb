package adopt

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

// told is a value, and the comment that says where it is from.
type told[T cmp.Ordered] struct {
	value T
	note  string
}

// learn takes a value over unless one is known: sources are asked in the order in
// which they are believed.
func (t *told[T]) learn(value T, note string) {
	var none T
	if t.value == none && t.note == "" && value != none {
		*t = told[T]{value, note}
	}
}

// learnPort takes over what a key of the port says. What only a run knows is known to
// be nothing else that could be read.
func (s *service) learnPort(text, note string) {
	if s.port.learn(parsePort(text), note); s.port.value == 0 && text != "" && s.port.note == "" {
		s.port.note = note
	}
}

// facts are what sources know of one service; what none knows is zero.
type facts struct {
	about        string
	exec, target told[string]
	arguments    told[string] // of the JAR
	dir          string       // where the command runs; "" is target
	env          []variable
	envFiles     []string
	calls        []string // names that a job says it needs, services or not
	port         told[int]
	worker       told[string] // how it shows that it listens on nothing
	health       health
	needs, knows []string
	layers       []layer // of the settings that hold
	data, logs   []told[string]
	wants        []want // servers that are none of the services
	reload       string
	memory, cpus told[string]

	// of its base
	base                        string
	users, makes, run, packages []string
	java                        int // the version that it wants; 0 if it does not say

	comments []string // before its table
	notes    []string // said, and written there too
}

// variable is one of the environment.
type variable struct{ name, value, note string }

// health is how a generation proves itself.
type health struct {
	path, note, scheme string
	port               int      // 0: the service's own
	status             []string // none: the default
}

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

func (s *service) addLog(file, note string) {
	if !slices.ContainsFunc(s.logs, func(l told[string]) bool { return l.value == file }) {
		s.logs = append(s.logs, told[string]{file, note})
	}
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
