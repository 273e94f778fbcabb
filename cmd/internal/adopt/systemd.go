package adopt

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
)

// quiet are the directives of a unit that need no counterpart, as those of upstart.
var quiet = []string{
	"After", "Before", "WantedBy", "Restart", "RestartSec", "Type", "SuccessExitStatus", "Documentation", "SyslogIdentifier",
	"StandardOutput", "StandardError", "KillMode", "StartLimitIntervalSec", "StartLimitBurst", "TimeoutStartSec", "Alias",
	"NoNewPrivileges", "PrivateTmp", "ProtectSystem", "ProtectHome", "ReadWritePaths", "StateDirectory", "LogsDirectory",
}

// continued is where a value goes on on the next line.
var continued = regexp.MustCompile(`\s*\\\n\s*`)

// readUnit reads a unit of systemd (systemd.service(5), systemd.exec(5)).
func readUnit(file, text string) []*job {
	j := &job{name: file, file: file, service: strings.TrimSuffix(path.Base(file), ".service")}
	options, err := unit.DeserializeOptions(strings.NewReader(text))
	if err != nil {
		j.said = []string{fmt.Sprintf("%s: not translated: %v", file, err)}
		return []*job{j}
	}
	var around settings
	command := ""
	for _, o := range options {
		o.Value = continued.ReplaceAllString(o.Value, " ")
		say := func(format string, args ...any) {
			j.said = append(j.said, fmt.Sprintf("%s: %s: ", file, o.Name)+fmt.Sprintf(format, args...))
		}
		switch o.Name {
		case "Description":
			j.about = o.Value
		case "ExecStart":
			if command != "" {
				say("not translated: one command runs a service")
			} else if command = strings.TrimLeft(o.Value, "@-:+!"); strings.Contains(strings.ReplaceAll(command, "%%", ""), "%") {
				say("a %% in it is not expanded")
			}
		case "Environment":
			for _, assignment := range cutWords(o.Value, " \t") {
				if reason := around.take(stanza{name: "env", value: quoted(assignment)}); reason != "" {
					say("%s", reason)
				}
			}
		case "EnvironmentFile":
			j.envFiles = append(j.envFiles, strings.TrimPrefix(o.Value, "-"))
		case "WorkingDirectory":
			if dir := strings.TrimPrefix(o.Value, "-"); path.IsAbs(dir) && plain(dir) == dir && !strings.Contains(dir, "%") {
				j.dir = path.Clean(dir)
			} else {
				say("not translated: %q is no absolute path", dir)
			}
		case "User", "Group", "Nice", "UMask":
			name := map[string]string{"User": "setuid", "Group": "setgid", "Nice": "nice", "UMask": "umask"}[o.Name]
			if reason := around.take(stanza{name: name, value: o.Value}); reason != "" && o.Value != "root" {
				say("%s", reason)
			}
		case "Requires", "Wants", "BindsTo":
			for _, name := range strings.Fields(o.Value) {
				j.needs = append(j.needs, strings.TrimSuffix(name, ".service"))
			}
		default:
			j.option(o, &around, say)
		}
	}
	j.take(command, around)
	return []*job{j}
}

// option takes the rarer directives over, or says why not.
func (j *job) option(o *unit.UnitOption, around *settings, say func(string, ...any)) {
	limit, isLimit := strings.CutPrefix(o.Name, "Limit")
	file, isFile := strings.CutPrefix(o.Value, "append:")
	if !isFile {
		file, isFile = strings.CutPrefix(o.Value, "file:")
	}
	switch {
	case o.Name == "MemoryMax", o.Name == "MemoryLimit":
		if reason := j.limitMemory(o.Value); reason != "" && o.Value != "infinity" {
			say("not translated: %s", reason)
		}
	case o.Name == "CPUQuota":
		if reason := j.limitCPUs(o.Value); reason != "" {
			say("not translated: %s", reason)
		}
	case isLimit:
		soft, hard, found := strings.Cut(strings.ReplaceAll(o.Value, "infinity", "unlimited"), ":")
		if !found {
			hard = soft
		}
		if reason := around.take(stanza{name: "limit", value: strings.ToLower(limit) + " " + soft + " " + hard}); reason != "" {
			say("%s", reason)
		}
	case isFile && strings.HasPrefix(o.Name, "Standard"):
		say("not translated: what it prints is kept by jarloop logs, not in %s", file)
	case slices.Contains(quiet, o.Name):
	case strings.HasPrefix(o.Name, "ExecStartPre"):
		say("not translated: %s", lost(stanza{name: "pre-start"}))
	case strings.HasPrefix(o.Name, "ExecSt"):
		say("not translated: %s", lost(stanza{name: "post-stop"}))
	case o.Name == "TimeoutStopSec", o.Name == "KillSignal":
		say("not translated: a service is asked to stop by SIGTERM; stop_timeout says how long it may take")
	default:
		say("not translated: there is nothing like it")
	}
}

// quoted puts a word into quotes, which unquote takes away.
func quoted(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
