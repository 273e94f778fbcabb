package adopt

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

var jarOption = regexp.MustCompile(`-jar\s+["']?([^\s"']+)`)

// moveTo makes the folder where the command looks for a file of the service the
// one where its files go, or changes the command where that cannot be.
func (s *service) moveTo(file string) {
	if file == "" {
		return
	}
	if !path.IsAbs(file) {
		if s.dir == "" {
			return // it starts in its target
		}
		file = path.Join(s.dir, file)
	}
	if strings.ContainsAny(file, "$`*?") {
		return
	}
	if !s.nginx && len(s.folder.archives) > 0 && !slices.Contains(s.folder.files, path.Base(file)) {
		s.notes = append(s.notes, fmt.Sprintf("%s: its command runs %s, which is not in the folder", s.source, path.Base(file)))
	}
	folder := path.Dir(path.Clean(file))
	if config.WrongTarget(folder) == "" {
		s.target = told[string]{folder, "where its command looks for them"}
		return
	}
	s.target.note = "artefacts cannot go to " + folder + ", where the job had them"
	old := strings.TrimSuffix(folder, "/") + "/"
	for _, name := range append(slices.Clone(s.folder.files), path.Base(file)) {
		s.exec.value = replacePath(s.exec.value, old+name, s.target.value+"/"+name)
	}
	s.notes = append(s.notes, fmt.Sprintf("%s: %s; they go to %s, and the command is changed to that", s.source, s.target.note, s.target.value))
}

// replacePath replaces a path where it stands as a word, or after a quote.
func replacePath(command, old, by string) string {
	word := regexp.MustCompile(`(^|[\s"'=:])` + regexp.QuoteMeta(old) + `($|[\s"';:])`)
	return word.ReplaceAllString(command, "${1}"+strings.ReplaceAll(by, "$", "$$")+"${2}")
}

// inShell gives a command as what exec can run.
func inShell(command string) string {
	if rest, ok := strings.CutPrefix(command, "exec "); ok {
		command = rest
	}
	if strings.ContainsAny(command, ";&|") {
		return "sh -ec " + shellescape.Quote(command)
	}
	return command
}

// fromLayout runs what can be run of the artefacts.
func fromLayout(s *service) {
	if s.nginx || s.exec.value != "" {
		return
	}
	switch {
	case len(s.scripts) == 1 && s.dir == "" && s.arguments.value == "": // as is the default
	case len(s.scripts) > 0:
		s.exec.learn(strings.TrimSpace(shellescape.Quote(s.target.value+"/bin/"+path.Base(s.scripts[0]))+" "+s.arguments.value), guessed+"the start script of its installation")
	case s.runs.name != "":
		s.exec.learn(s.javaCommand())
	case s.classes.main != "":
		s.exec.learn(strings.TrimSpace(s.classes.command(s.target.value)+" "+s.arguments.value), s.classes.note)
	case len(s.folder.natives) > 0:
		s.exec.learn(shellescape.Quote(s.target.value+"/"+s.folder.natives[0]), guessed+"the program for the machine itself")
	default:
		s.nothingRuns()
	}
}

// nothingRuns says why there is no command.
func (s *service) nothingRuns() {
	what := "no JAR is there yet"
	if s.classes.note != "" {
		what = s.classes.note + ", so name one in exec, as in java -cp " + s.target.value + " MAIN"
	}
	if len(s.folder.archives) > 0 {
		what = "no JAR in it has a Main-Class"
		if path.Ext(s.folder.archives[0].name) == ".war" {
			what = "a WAR without a Main-Class wants a servlet container, such as Tomcat"
		}
	}
	if len(s.folder.archives) == 0 && s.classes.note == "" {
		s.comments = append(s.comments, "exec: the one JAR that will be there is run by java -jar")
	}
	s.notes = append(s.notes, s.source+": "+what)
}

// javaCommand runs the archive that was chosen; "" where that is the default, which
// is the only one that can be run.
func (s *service) javaCommand() (command, note string) {
	if len(s.folder.runnable()) > 1 {
		note = guessed + "the first of several that can be run"
		s.notes = append(s.notes, fmt.Sprintf("%s: several JARs can be run; %s was taken", s.source, s.runs.name))
	}
	if s.arguments.value != "" {
		note = s.arguments.note
	} else if note == "" && s.dir == "" && slices.Contains([]string{".", "quarkus-app"}, path.Dir(s.runs.name)) {
		return "", ""
	}
	return strings.TrimSpace("java -jar " + s.target.value + "/" + s.archiveName() + " " + s.arguments.value), note
}

// archiveName gives the archive that is run, as the shell reads it.
func (s *service) archiveName() string {
	file := s.runs.name
	if versioned.MatchString(file) && len(s.folder.runnable()) == 1 {
		return path.Join(path.Dir(file), "*"+path.Ext(file)) // its version may change
	}
	return shellescape.Quote(file)
}
