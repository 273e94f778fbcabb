package guest

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Reports is the folder inside the container on which the caller mounts a
// folder of the host. What the service prints and how it ended land there, and
// outlive the container.
const Reports = "/var/log/jarloop"

// The names of the unit inside the container.
const (
	// RunFile runs the service. Writing it anew changes what runs next.
	RunFile = "/etc/jarloop/run"
	// ReadyFile says that the artefacts are there. The unit starts with the
	// boot, and waits at the gate while this file is missing.
	ReadyFile = "/etc/jarloop/ready"
	// gateFile is a FIFO at which the unit waits for Root.OpenGate. It is gone
	// when the unit has passed: so the start of a service costs no more than
	// opening a file.
	gateFile = "/etc/jarloop/gate"
	// outFile is what the service prints, appended to.
	outFile = Reports + "/out"
	// exitFile is how the service ended (ParseExit). It appears as one act
	// after the process has ended, and is gone when the service runs again.
	exitFile = Reports + "/" + exitName

	exitName   = "exit"
	reportFile = "/etc/jarloop/report"
	mainFile   = "/etc/jarloop/main"
)

// IsJVMNote says whether a line is the one that a JVM prints because of Debugger. Who
// shows what the service prints leaves it out.
func IsJVMNote(line string) bool {
	port, ok := strings.CutPrefix(line, "Picked up JAVA_TOOL_OPTIONS: "+debugger)
	return ok && port != "" && strings.Trim(port, "0123456789") == ""
}

// debugger is what Debugger gives, up to the port.
const debugger = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=0.0.0.0:"

// Debugger gives the options that have a JVM listen for a debugger, without waiting
// for it. With an address of its own in front a JVM from 9 on takes the port on each
// of its addresses, as one up to 8 does; "*" is not known to the latter.
func Debugger(port uint16) string { return debugger + strconv.Itoa(int(port)) }

// Unit is a service as a container's init runs it.
type Unit struct {
	Service string // its name, for people
	// Exec is a command line of the shell. Its process is the unit's main
	// process, unless it is a compound command whose shell cannot step aside.
	Exec string
	Dir  string // where it runs; "/" if empty
	// Env is added to the environment. Names are those that a shell can have; the
	// values are in RunFile, which only root can read, and in no argument.
	Env map[string]string
	// Memory, in bytes, and CPUs are what the container may take, which its processes
	// do not see where its own init has groups (cgroup v2): a JVM goes by what it sees.
	// 0 is as much as there is.
	Memory int64
	CPUs   float64
	// MakesGate has it make its gate where there is none, since who writes the files
	// can make no FIFO.
	MakesGate bool
}

// grace is how many seconds the service may take to stop before it is killed.
const grace = 90

// Files gives the files that make the unit known to an init: its command, and
// what starts it at boot and on Start. The folder Reports is the caller's.
func (u Unit) Files(i Init) []File {
	files := []File{u.Command(), script(mainFile, u.waiting()+"exec "+RunFile+"\n")}
	if !u.MakesGate {
		files = append(files, File{Name: gateFile, Mode: fs.ModeNamedPipe | 0o600})
	}
	switch i {
	case Systemd:
		return append(files, systemdUnit(u)...)
	case Upstart:
		return append(files, upstartUnit(u)...)
	}
	return append(files, busyboxUnit(u)...)
}

// Closed are the files by which the unit waits at its gate again when it starts
// next (Root.WriteFiles). The gate comes first: a unit that finds neither passes.
func Closed() []File {
	return []File{{Name: gateFile, Mode: fs.ModeNamedPipe | 0o600}, {Name: ReadyFile, Gone: true}}
}

// Command gives the file that names what the unit runs next.
func (u Unit) Command() File {
	f := script(RunFile, u.run())
	f.Mode = 0o700
	return f
}

// OfUnit says whether a process is one of the unit, by its cgroups (cgroups(7)) and
// its environment: systemd gives the unit a group, and the wrapper a mark to what
// it starts.
func OfUnit(cgroups []byte, environ func() []byte) bool {
	for line := range bytes.Lines(cgroups) {
		for part := range bytes.SplitSeq(bytes.TrimSpace(line), []byte("/")) {
			if string(part) == unitName {
				return true
			}
		}
	}
	for v := range bytes.SplitSeq(environ(), []byte{0}) {
		if bytes.HasPrefix(v, []byte(unitMark)) {
			return true
		}
	}
	return false
}

// waiting waits at the gate. A writer may come and go between the look and the
// opening; then the file is there, and whoever opens the gate tries again. Who makes
// the gate looks again after that: who opens one that is not there takes it for passed.
func (u Unit) waiting() string {
	wait := "read -r _ <" + gateFile
	if u.MakesGate {
		wait = "{ [ -p " + gateFile + " ] || mkfifo -m 600 " + gateFile + "; [ -e " + ReadyFile + " ] || " + wait + "; }"
	}
	return "# waits for the artefacts; written by jarloop\n[ -e " + ReadyFile + " ] || " + wait + "\nrm -f " + gateFile + "\n"
}

// run is the body of RunFile.
func (u Unit) run() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# runs %s; written by jarloop", strings.ReplaceAll(u.Service, "\n", " "))
	line("[ ! -e %[1]s ] || rm -f %[1]s", exitFile)
	line("exec >>%s 2>&1", outFile)
	line(`[ ! -s %[1]s ] || [ -z "$(tail -c 1 %[1]s)" ] || echo`, outFile) // a run before may have left a line without its end
	line(`export PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"`)
	line(`export LANG="${LANG:-C.UTF-8}"`) // else a JVM prints "?" for what is not ASCII
	for _, name := range slices.Sorted(maps.Keys(u.Env)) {
		if Variable(name) {
			line("export %s=%s", name, quote(u.Env[name]))
		}
	}
	if u.Dir != "" {
		line("cd %s || exit", quote(u.Dir))
	}
	line("exec %s", command(u.Exec))
	return b.String()
}

// Variable says whether a shell can have a variable of that name. Another name could
// only be given to a program in the arguments of env(1), for all to see.
func Variable(name string) bool { return variable.MatchString(name) }

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// command is a command line as exec can run it. A simple one is left as it is;
// one that is more than a program and its words goes to a shell of its own,
// which steps aside for the last program if it can (dash since 0.5.11).
func command(line string) string {
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "exec "); ok {
		line = strings.TrimSpace(rest)
	}
	if !simple(line) {
		return "/bin/sh -c " + quote(line)
	}
	return line
}

// first words that are no programs: assignments, and the shell's own words.
var notProgram = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*=|(if|for|while|until|case|cd|set|export|ulimit|umask|trap|eval|:|\.|!|\{)(\s|$))`)

// simple is whether the line, outside quotes, has nothing that ends a command
// or starts another.
func simple(line string) bool {
	if line == "" || notProgram.MatchString(line) {
		return false
	}
	quoted := byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && quoted != '\'':
			i++
		case quoted != 0:
			if c == quoted {
				quoted = 0
			}
		case c == '\'' || c == '"':
			quoted = c
		case strings.IndexByte(";&|()`\n#", c) >= 0:
			return false
		}
	}
	return quoted == 0
}

// quote makes one word of the shell of s.
func quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", `'\''`) + "'"
}
