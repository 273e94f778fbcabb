package adopt

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"al.essio.dev/pkg/shellescape"
)

// silent are the stanzas that need no counterpart: the agent starts a service
// when what it needs is live, stops it, starts it again when it has ended, and
// keeps what it prints.
var silent = []string{
	"start on", "stop on", "respawn", "console output", "console log", "console none",
	"author", "version", "usage", "export", "emits",
}

var (
	userForm     = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	numberForm   = regexp.MustCompile(`^-?[0-9]{1,9}$`)
	limitForm    = regexp.MustCompile(`^(as|core|cpu|data|fsize|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|sigpending|stack) +([0-9]+|unlimited) +([0-9]+|unlimited)$`)
	maskForm     = regexp.MustCompile(`^[0-7]{1,4}$`)
	logForm      = regexp.MustCompile(`>>?\s*(/[A-Za-z0-9._/-]+\.log)\b`)
)

// settings are what a job sets around its command, as words before it.
type settings struct {
	env               []variable
	limits            []string
	user, group, nice string
	mask              string
}

// translate reads a job; name is that of its file. What is lost of it is said.
func translate(name, text string) job {
	j := job{name: name, file: name}
	stanzas, err := parseJob(text)
	if err != nil {
		j.said = append(j.said, fmt.Sprintf("%s: %v; nothing of it is translated", name, err))
		return j
	}
	var around settings
	command := ""
	for _, s := range stanzas {
		say := func(format string, args ...any) {
			j.said = append(j.said, fmt.Sprintf("%s:%d: %s: ", name, s.line, s.name)+fmt.Sprintf(format, args...))
		}
		switch s.name {
		case "exec":
			command = strings.ReplaceAll(s.value, "\t", " ")
		case "script":
			if command, err = oneLine(s.script); err != nil {
				say("not translated, since %v: put it into a file of its folder and name that in exec", err)
			}
		case "description":
			j.about = unquote(s.value)
		case "chdir":
			if dir := unquote(s.value); path.IsAbs(dir) && plain(dir) == dir {
				j.dir = path.Clean(dir)
			} else {
				say("not translated: %q is no absolute path", dir)
			}
		default:
			if slices.Contains(silent, s.name) {
				continue
			}
			if reason := around.take(s); reason != "" {
				say("%s", reason)
			}
		}
	}
	j.take(command, around)
	return j
}

// take completes a job by its command and what is set around that.
func (j *job) take(command string, around settings) {
	if around.user != "" {
		j.users = append(j.users, around.user)
	}
	for _, m := range logForm.FindAllStringSubmatch(command, 4) {
		if file := path.Clean(m[1]); !slices.Contains(j.logs, file) {
			j.logs, j.makes = append(j.logs, file), append(j.makes, path.Dir(file))
		}
	}
	if j.env = around.env; command != "" {
		j.exec = around.wrap(command)
	}
	if strings.ContainsFunc(j.exec, unicode.IsControl) {
		j.exec = ""
		j.said = append(j.said, j.name+": the command has control characters; not translated")
	}
}

// take takes a setting over, or says why not.
func (a *settings) take(s stanza) string {
	value := unquote(s.value)
	switch s.name {
	case "env":
		if strings.ContainsFunc(value, unicode.IsControl) {
			return "not translated: it has control characters"
		}
		key, text, given := strings.Cut(value, "=")
		switch {
		case !given:
			return "not translated: upstart's own environment is not here; give " + key + " a value in exec"
		case !variableForm.MatchString(key):
			return fmt.Sprintf("not translated: %q is not the name of a variable", key)
		}
		a.env = append(a.env, variable{name: key, value: text})
		if strings.Contains(text, "$") {
			return "taken as it stands: a $ in it is not expanded"
		}
	case "setuid", "setgid":
		if !userForm.MatchString(value) {
			return fmt.Sprintf("not translated: %q is not the name of a user or group", value)
		}
		if s.name == "setuid" {
			a.user = value
		} else {
			a.group = value
		}
	case "nice":
		if !numberForm.MatchString(value) {
			return "not translated: it is not a number"
		}
		a.nice = value
	case "umask":
		if !maskForm.MatchString(value) {
			return "not translated: it is not a mask"
		}
		a.mask = value
	case "limit":
		m := limitForm.FindStringSubmatch(value)
		if m == nil {
			return "not translated: it is none of the limits of prlimit(1)"
		}
		a.limits = append(a.limits, fmt.Sprintf("--%s=%s:%s", m[1], m[2], m[3]))
	default:
		return "not translated: " + lost(s)
	}
	return ""
}

// lost says what to do in place of a stanza that has no counterpart.
func lost(s stanza) string {
	switch {
	case strings.HasPrefix(s.name, "pre-start"):
		return "put what has to be there before into the base (run below [base.NAME]), or before the command in exec"
	case strings.HasPrefix(s.name, "post-") || strings.HasPrefix(s.name, "pre-stop"):
		return "nothing is run after the start or around the stop of a service"
	case s.name == "respawn limit":
		return "the agent starts a service again at most ten times a minute"
	case s.name == "kill timeout", s.name == "kill signal":
		return "a service is asked to stop by SIGTERM; drain says how long it may finish its work"
	case strings.HasPrefix(s.name, "expect"):
		return "the command must stay in the foreground"
	}
	return "there is nothing like it"
}

// wrap puts the settings around a command. What is more than a program and its
// words goes to a shell inside, so that it sees the variables.
func (a *settings) wrap(command string) string {
	if a.mask != "" {
		command = "umask " + a.mask + "; " + command
	}
	var words []string
	if len(a.limits) > 0 {
		words = append(append(words, "prlimit"), a.limits...)
	}
	if a.nice != "" {
		words = append(words, "nice", "-n", a.nice)
	}
	switch {
	case a.user != "" && a.group == "":
		words = append(words, "setpriv", "--reuid="+a.user, "--regid="+a.user, "--init-groups")
	case a.user != "":
		words = append(words, "setpriv", "--reuid="+a.user, "--regid="+a.group, "--init-groups")
	case a.group != "":
		words = append(words, "setpriv", "--regid="+a.group, "--clear-groups")
	}
	command = strings.TrimSpace(command)
	if len(words) == 0 {
		return command
	}
	if strings.ContainsAny(command, "$`;&|<>()*?[]{}~\n") || strings.HasPrefix(command, "exec ") {
		if !strings.ContainsAny(command, ";&|(){}") && !strings.HasPrefix(command, "exec ") {
			command = "exec " + command // so that the shell steps aside
		}
		command = "sh -ec " + shellescape.Quote(command)
	}
	return strings.Join(append(words, command), " ")
}
