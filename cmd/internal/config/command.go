package config

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/jarloop/jarloop/deployer/jvm"
)

// Runs gives what a service's command runs below the service's target, as far as its
// words say so: jar with java -jar, which must have a Main-Class; "*" is what there is
// to run, when the command is the default. The parts are what else must be there for
// the command to start. See watcher.Service.
func (c *Config) Runs(service string) (jar string, parts []string) {
	s := c.Service(service)
	if s == nil {
		return "", nil
	}
	if s.Exec == "" {
		return "*", nil
	}
	dir, line := s.Target, s.Exec
	if m := elsewhere.FindStringSubmatch(line); m != nil {
		dir, line = m[1], line[len(m[0]):]
	}
	list := words(line)
	for len(list) > 0 && (list[0] == "exec" || list[0] == "env" || assigns(list[0])) {
		list = list[1:]
	}
	if len(list) == 0 {
		return "", nil
	}
	var needs []string
	switch name := path.Base(list[0]); {
	case name == "java":
		jar, needs = ofJava(list[1:])
		jar = s.inside(dir, jar)
	case strings.Contains(list[0], "/"):
		needs = list[:1]
	case slices.Contains(interpreters, name):
		needs = script(list[1:])
	}
	for _, need := range needs {
		if in := s.inside(dir, need); in != "" {
			parts = append(parts, in)
		}
	}
	return jar, parts
}

// elsewhere begins a command that runs in another folder than the target, such as one
// of data.
var elsewhere = regexp.MustCompile(`^cd (/[A-Za-z0-9._/-]*) && exec `)

// inside gives a file of the command, which runs in dir, relative to the service's
// target; "" if it is elsewhere, or only a shell knows. A slash at the end stays.
func (s *Service) inside(dir, file string) string {
	if file == "" || strings.ContainsRune(file, unknown) {
		return ""
	}
	if !path.IsAbs(file) {
		file = path.Join(dir, file) + file[len(strings.TrimRight(file, "/")):]
	}
	in, ok := strings.CutPrefix(path.Clean(file), s.Target+"/")
	if !ok || !filepath.IsLocal(in) {
		return ""
	}
	return in + file[len(strings.TrimRight(file, "/")):]
}

// interpreters are programs that run the script that comes first among their arguments.
var interpreters = []string{"sh", "bash", "dash", "ash", "python", "python3", "node", "perl", "ruby", "php"}

// script gives the first argument of an interpreter, if that looks like a file.
func script(args []string) []string {
	for i, arg := range args {
		switch {
		case arg == "-c" || arg == "-m" || arg == "-e":
			return nil
		case strings.HasPrefix(arg, "-"):
		case strings.ContainsAny(arg, "./"):
			return args[i : i+1]
		default:
			return nil
		}
	}
	return nil
}

// ofJava gives the JAR of java … -jar JAR …, or "", and what is on the class path and
// the module path, and agents.
func ofJava(args []string) (jar string, needs []string) {
	var agents []string
	defer func() { needs = append(needs, agents...) }()
	for i := 0; i < len(args); i++ {
		word, value := args[i], ""
		if name, after, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "--") {
			word, value = name, after
		} else if jvm.TakesValue(word) && i+1 < len(args) {
			i++
			value = args[i]
		}
		agent, isAgent := strings.CutPrefix(word, "-javaagent:")
		switch {
		case slices.Contains(paths, word):
			needs = append(needs, entries(value)...)
		case isAgent:
			agent, _, _ = strings.Cut(agent, "=")
			agents = append(agents, agent)
		case word == "-jar" && i+1 < len(args):
			return args[i+1], nil // java takes no other class path then
		case word == "-jar", word == "-m", word == "--module":
			return "", needs
		case !strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "@") && !strings.HasPrefix(word, string(unknown)):
			return "", needs // a main class: what follows are its arguments
		}
	}
	return "", needs
}

// entries gives what has to be there of a class path: a star stands for the JARs of a
// folder, and what has no ending of an archive is a folder.
func entries(list string) []string {
	var all []string
	for entry := range strings.SplitSeq(list, ":") {
		folder, star := strings.CutSuffix(entry, "*")
		switch ext := strings.ToLower(path.Ext(entry)); {
		case path.Clean(entry) == "." || entry == "":
		case star:
			all = append(all, folder+"*.[jJ][aA][rR]")
		case ext == ".jar" || ext == ".zip" || ext == ".war":
			all = append(all, entry)
		default:
			all = append(all, strings.TrimRight(entry, "/")+"/")
		}
	}
	return all
}

// paths are java's options whose value is a list of files and folders.
var paths = []string{"-cp", "-classpath", "--class-path", "-p", "--module-path"}

// assigns says whether a word sets a variable for the command after it.
func assigns(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r == '-' || !bare(r) })
}

// unknown stands in a word for the value of a variable.
const unknown = '\x00'

// words gives the words of a shell line that is one command; nil if it is anything else,
// since the words might then mean something else.
func words(line string) []string {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(line), "")
	if err != nil || len(file.Stmts) != 1 || file.Stmts[0].Background || file.Stmts[0].Negated {
		return nil
	}
	call, ok := file.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok {
		return nil
	}
	shell := &expand.Config{Env: expand.FuncEnviron(func(name string) string {
		if name == "IFS" {
			return ""
		}
		return string(unknown)
	})}
	list, err := expand.Fields(shell, call.Args...)
	if err != nil { // it runs another command
		return nil
	}
	return list
}
