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

// nginxTarget is where the configuration of nginx goes: /etc belongs to the
// base.
const nginxTarget = "/opt/nginx/conf"

var (
	jarOption   = regexp.MustCompile(`-jar\s+["']?([^\s"']+)`)
	nginxOption = regexp.MustCompile(`nginx\s.*-c\s+["']?([^\s"']+)`)
)

// command finds how a service is run: as its job says, else as its files do.
func (s *service) command(j job, found bool) {
	s.target = "/" + s.name
	if config.WrongTarget(s.target) != "" { // a service that is called like a folder of the system
		s.target = "/srv/" + s.name
	}
	if s.nginx {
		s.target = nginxTarget
	}
	s.about, s.exec, s.logs, s.users = j.about, j.exec, j.logs, j.users
	s.makes = j.makes
	s.notes = append(s.notes, j.said...)
	if found && j.exec != "" {
		s.execNote = "as in upstart/" + s.name + ".conf"
		s.place(j.dir)
	} else if s.nginx {
		s.nginxCommand()
	} else {
		s.jarCommand()
	}
	if j.dir != "" && j.dir != s.target && s.exec != "" {
		s.exec = "cd " + shellescape.Quote(j.dir) + " && exec " + inShell(s.exec)
	}
	if s.nginx {
		s.reload = "nginx -s reload"
		if m := nginxOption.FindStringSubmatch(s.exec); m != nil {
			s.reload = "nginx -c " + m[1] + " -s reload"
		}
	}
	for _, a := range s.folder.jars {
		switch {
		case a.err != nil:
			s.notes = append(s.notes, fmt.Sprintf("%s/%s: %v", s.source, a.name, a.err))
		case a.jar.MainClass != "":
			s.version = max(s.version, a.jar.ClassVersion)
		}
	}
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

// place finds the folder in the container in which the command looks for the
// service's files, and moves it where they can go.
func (s *service) place(dir string) {
	m := jarOption.FindStringSubmatch(s.exec)
	if m == nil {
		m = nginxOption.FindStringSubmatch(s.exec)
	}
	if m == nil {
		return
	}
	file := m[1]
	if !path.IsAbs(file) {
		if dir == "" {
			return // it starts in its target
		}
		file = path.Join(dir, file)
	}
	if strings.ContainsAny(file, "$`*?") {
		return
	}
	if !s.nginx && len(s.folder.jars) > 0 && !slices.Contains(s.folder.files, path.Base(file)) {
		s.notes = append(s.notes, fmt.Sprintf("%s: its command runs %s, which is not in the folder", s.source, path.Base(file)))
	}
	folder := path.Dir(path.Clean(file))
	if wrong := config.WrongTarget(folder); wrong == "" {
		s.target, s.targetNote = folder, "where its command looks for them"
		return
	}
	s.targetNote = "artefacts cannot go to " + folder + ", where the job had them"
	old := strings.TrimSuffix(folder, "/") + "/"
	for _, name := range append(slices.Clone(s.folder.files), path.Base(file)) {
		s.exec = replacePath(s.exec, old+name, s.target+"/"+name)
	}
	s.notes = append(s.notes, fmt.Sprintf("%s: %s; they go to %s, and the command is changed to that", s.source, s.targetNote, s.target))
}

// replacePath replaces a path where it stands as a word, or after a quote.
func replacePath(command, old, by string) string {
	word := regexp.MustCompile(`(^|[\s"'=:])` + regexp.QuoteMeta(old) + `($|[\s"';:])`)
	return word.ReplaceAllString(command, "${1}"+strings.ReplaceAll(by, "$", "$$")+"${2}")
}

// nginxCommand runs nginx by a configuration that is whole, or by Debian's with
// these files in place of its conf.d.
func (s *service) nginxCommand() {
	if !slices.Contains(s.folder.files, "nginx.conf") {
		s.exec, s.execNote = "nginx -g 'daemon off;'", "there is no nginx.conf, so Debian's includes these files"
		s.run = []string{"rm -f /etc/nginx/sites-enabled/default", "rm -rf /etc/nginx/conf.d && ln -s " + s.target + " /etc/nginx/conf.d"}
		return
	}
	s.exec = "nginx -c " + s.target + "/nginx.conf"
	for _, t := range s.folder.texts {
		if t.name == s.source+"/nginx.conf" && slices.ContainsFunc(t.lines, nginxDaemon.MatchString) {
			return // which it may say once only
		}
	}
	s.exec += " -g 'daemon off;'"
}

// jarCommand runs the one JAR that can be run.
func (s *service) jarCommand() {
	jars := s.folder.runnable()
	if len(jars) == 0 {
		what := "no JAR is there yet"
		if len(s.folder.jars) > 0 {
			what = "no JAR in it has a Main-Class"
		}
		s.note = "exec: " + what + "; the one JAR that will be there is run by java -jar"
		s.notes = append(s.notes, s.source+": "+what)
		return
	}
	jar := jars[0].name
	settings := slices.ContainsFunc(s.folder.files, func(f string) bool { return f == "config.yml" })
	if len(jars) == 1 && len(s.folder.jars) == 1 && !settings {
		return // as is the default
	}
	s.execNote = guessed + "the JAR that can be run"
	if len(jars) > 1 {
		s.execNote = guessed + "the first of several JARs that can be run"
		s.notes = append(s.notes, fmt.Sprintf("%s: several JARs can be run; %s was taken", s.source, jar))
	}
	s.exec = "java -jar " + shellescape.Quote(s.target+"/"+jar)
	if settings {
		s.exec += " server " + s.target + "/config.yml"
		s.execNote = guessed + "with its settings in the way of Dropwizard"
	}
}
