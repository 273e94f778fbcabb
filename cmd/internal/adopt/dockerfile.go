package adopt

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

// readDockerfile reads the last stage of a Dockerfile: what of it has a counterpart
// here, and a line of what has not.
func readDockerfile(file, text string) []*job {
	dir := path.Dir(file)
	j := &job{name: file, file: file, service: nameOf(path.Base(dir)), folders: []string{dir}, image: true}
	entrypoint, command := "", ""
	for number, line := range instructions(text) {
		name, value := cutWord(line)
		reason := ""
		switch strings.ToUpper(name) {
		case "FROM":
			*j = job{name: j.name, file: j.file, service: j.service, folders: j.folders, image: true}
			entrypoint, command = "", ""
		case "ENV":
			reason = j.dockerEnv(value)
		case "EXPOSE":
			port, protocol, _ := strings.Cut(value, "/")
			if protocol != "udp" && j.port == 0 {
				j.port = parsePort(port)
			}
		case "ENTRYPOINT":
			entrypoint = dockerCommand(value)
		case "CMD":
			command = dockerCommand(value)
		case "RUN":
			reason = "put what it makes into the base (run below [base.NAME])"
		case "VOLUME":
			for _, folder := range strings.Fields(strings.NewReplacer("[", " ", "]", " ", ",", " ", `"`, " ").Replace(value)) {
				if path.IsAbs(folder) && plain(folder) == folder && !within("/tmp", path.Clean(folder)) {
					j.data = append(j.data, path.Clean(folder))
				}
			}
		case "HEALTHCHECK", "USER", "SHELL", "ONBUILD":
			reason = "there is nothing like it"
		}
		if reason != "" {
			j.said = append(j.said, fmt.Sprintf("%s:%d: %s: not translated: %s", file, number, strings.ToUpper(name), reason))
		}
	}
	j.exec = strings.TrimSpace(entrypoint + " " + command)
	return []*job{j}
}

// instructions gives the lines of a Dockerfile, joined where they go on, by the
// numbers of the first.
func instructions(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		begin, joined := 0, ""
		for i, line := range strings.Split(text, "\n") {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "#") {
				continue
			}
			if joined == "" {
				begin = i + 1
			}
			if rest, on := strings.CutSuffix(line, `\`); on {
				joined += rest + " "
				continue
			}
			if joined += line; joined != "" && !yield(begin, joined) {
				return
			}
			joined = ""
		}
	}
}

// dockerEnv takes ENV A=1 B="x y" over, and the old form ENV A 1.
func (j *job) dockerEnv(value string) string {
	words := cutWords(value, " \t")
	if name, rest := cutWord(value); !strings.Contains(name, "=") {
		words = []string{name + "=" + rest}
	}
	for _, word := range words {
		name, text, _ := strings.Cut(word, "=")
		if !variableForm.MatchString(name) || plain(text) != text {
			return fmt.Sprintf("%q is not the name of a variable", name)
		}
		if name == "PATH" || name == "JAVA_HOME" {
			continue // of the image
		}
		j.env = append(j.env, variable{name: name, value: text})
	}
	return ""
}

// dockerCommand gives a command in either form as a line of the shell.
func dockerCommand(value string) string {
	var words []string
	if json.Unmarshal([]byte(value), &words) != nil {
		return strings.TrimPrefix(value, "exec ")
	}
	if len(words) == 3 && strings.HasSuffix(words[0], "sh") && words[1] == "-c" {
		return strings.TrimPrefix(words[2], "exec ")
	}
	return shellescape.QuoteCommand(words)
}

// fromImage runs the service's archive as an image does, which has it at a place of its
// own.
func (s *service) fromImage(j *job) {
	m := jarOption.FindStringSubmatchIndex(j.exec)
	switch {
	case j.exec == "" || s.runs.name == "":
		return
	case m == nil:
		s.notes = append(s.notes, fmt.Sprintf("%s: its command is not translated: java -jar runs what is built", j.name))
		return
	}
	command := j.exec[:m[2]] + s.target.value + "/" + s.archiveName() + j.exec[m[3]:]
	s.exec.learn(strings.TrimSpace(command+" "+s.arguments.value), "as in "+j.name)
}
