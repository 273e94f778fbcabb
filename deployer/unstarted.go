package deployer

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
)

// unstarted are what a shell says of a command that it cannot run or does not find
// (sh(1)), or that it has taken for a script since the kernel does not run it, and
// systemd of a unit (systemd.exec(5), EXIT_EXEC).
var unstarted = []int{126, 127, 2, 203}

// program is a file that is to be run, or a script of one that is.
type program struct {
	text       io.ReaderAt // nil: it is there, and cannot be read
	executable bool
}

// looker looks for why a command could not be started. find gives a file of the
// instance; fs.ErrNotExist is that there is none.
type looker struct {
	command Command
	find    func(file string) (*program, error)
	before  string // what the line has to begin with all the same
}

// builtins are what a shell does itself (POSIX.1-2017, XCU 2.9.1, 2.9.4 and 2.14):
// what then fails is something else.
var builtins = []string{
	":", ".", "[", "alias", "case", "cd", "command", "echo", "eval", "exit", "export", "false", "for", "if", "printf", "pwd", "read",
	"set", "shift", "source", "test", "times", "trap", "true", "type", "ulimit", "umask", "unset", "until", "wait", "while", "{", "!",
}

// shells run the script that is their first argument.
var shells = []string{"sh", "bash", "dash", "ash", "ksh", "zsh"}

// why gives the reason, with the remedy; "" if none is found.
func (l looker) why(status int) string {
	l = l.entered()
	words := plainWords(l.command.Line)
	if len(words) == 0 || slices.Contains(builtins, words[0]) {
		return ""
	}
	mayNotRun := slices.Contains(unstarted, status)
	if name := words[0]; !strings.Contains(name, "/") {
		if mayNotRun && l.missing(name) {
			return name + " is not in the container: " + l.source(name)
		}
		if len(words) > 1 && slices.Contains(shells, name) && !strings.HasPrefix(words[1], "-") {
			return l.script(words[1], true)
		}
		return ""
	}
	if !mayNotRun {
		return l.script(words[0], false)
	}
	return l.file(words[0], words[1:])
}

// entered gives what is looked for once the command has gone to a folder, as in
// cd /data && exec java.
func (l looker) entered() looker {
	first, rest, found := strings.Cut(l.command.Line, "&&")
	if words := plainWords(first); found && len(words) == 2 && words[0] == "cd" {
		l.command.Dir, l.command.Line, l.before = l.at(words[1]), rest, strings.TrimSpace(first)+" && "
	}
	return l
}

// source says where a program could come from.
func (l looker) source(name string) string {
	if name == "java" {
		return `its base needs a Java runtime, as in packages = ["openjdk-17-jre-headless"]`
	}
	return "its base needs the package that has it"
}

// missing says whether no folder of the PATH has a program.
func (l looker) missing(name string) bool {
	folders := cmp.Or(l.command.Env["PATH"], "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	for folder := range strings.SplitSeq(folders, ":") {
		if _, err := l.find(path.Join("/", folder, name)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// at gives the whole path of a file that the command names.
func (l looker) at(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join("/", l.command.Dir, name)
}

// script says what is wrong with a script that a shell was given, or that has begun.
func (l looker) script(name string, needed bool) string {
	p, err := l.find(l.at(name))
	switch {
	case errors.Is(err, fs.ErrNotExist) && needed:
		return "there is no " + l.at(name)
	case err != nil:
		return ""
	case strings.HasPrefix(p.firstLine(), byteOrder):
		return marked(name)
	case strings.HasSuffix(p.firstLine(), "\r") && !strings.HasPrefix(p.firstLine(), "\x7fELF"):
		return windowsLines(name)
	}
	return ""
}

func windowsLines(name string) string {
	return name + ` has Windows line ends, which a shell takes for part of the words: save it with LF ("*.sh text eol=lf" in .gitattributes)`
}

// byteOrder is what editors of Windows write before a text.
const byteOrder = "\uFEFF"

func marked(name string) string {
	return name + " begins with a byte order mark, which the kernel and shells take for text: save it as UTF-8 without one"
}

// file says why a file could not be run.
func (l looker) file(name string, args []string) string {
	p, err := l.find(l.at(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no " + l.at(name)
	}
	if err != nil || p.text == nil {
		return ""
	}
	line := p.firstLine()
	interpreter, isScript := strings.CutPrefix(line, "#!")
	words := strings.Fields(interpreter)
	switch {
	case isScript && strings.HasSuffix(line, "\r"):
		return windowsLines(name)
	case strings.HasPrefix(line, byteOrder):
		return marked(name)
	case strings.HasPrefix(line, "PK\x03\x04"):
		return fmt.Sprintf(`%s is an archive, and no program: exec = %q`, name, l.before+"java -jar "+name)
	case !p.executable && isScript && len(words) > 0:
		return fmt.Sprintf("%s is not executable, a bit that shares drop: exec = %q runs it all the same",
			name, l.before+strings.Join(append([]string{path.Base(words[len(words)-1]), name}, args...), " "))
	case !p.executable:
		return fmt.Sprintf(`%s is not executable, a bit that shares drop: exec = %q runs it all the same`, name, l.before+"chmod +x "+name+" && exec "+name)
	case isScript && len(words) > 0:
		return l.interpreter(name, words)
	}
	return l.binary(name, line, p.text)
}

// interpreter says whether what the first line of a script names is there.
func (l looker) interpreter(name string, words []string) string {
	if _, err := l.find(words[0]); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("the first line of %s names %s, which is not in the container: %s", name, words[0], l.source(path.Base(words[0])))
	}
	if by := words[len(words)-1]; path.Base(words[0]) == "env" && len(words) > 1 && l.missing(by) {
		return fmt.Sprintf("the first line of %s names %s, which is not in the container: %s", name, by, l.source(by))
	}
	return ""
}

// machines are the kernel's names of what Go programs are built for.
var machines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM,
	"riscv64": elf.EM_RISCV, "ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390,
}

// binary says whether a program is one of another machine or system.
func (l looker) binary(name, line string, text io.ReaderAt) string {
	system := ""
	switch {
	case strings.HasPrefix(line, "MZ"):
		system = "Windows"
	case strings.HasPrefix(line, "\xcf\xfa\xed\xfe"), strings.HasPrefix(line, "\xca\xfe\xba\xbe"):
		system = "macOS"
	}
	if system != "" {
		return fmt.Sprintf("%s is a program for %s: build it for Linux, on %s", name, system, runtime.GOARCH)
	}
	f, err := elf.NewFile(text)
	if err != nil {
		return ""
	}
	if own, known := machines[runtime.GOARCH]; known && f.Machine != own {
		return fmt.Sprintf("%s is a program for another processor (%s): build it for this one, %s", name, strings.TrimPrefix(f.Machine.String(), "EM_"), runtime.GOARCH)
	}
	for _, part := range f.Progs {
		if part.Type != elf.PT_INTERP || part.Filesz > 4096 {
			continue
		}
		loader, _ := io.ReadAll(part.Open()) // of which nothing is no path
		if file := strings.TrimRight(string(loader), "\x00"); path.IsAbs(file) {
			if _, err := l.find(file); errors.Is(err, fs.ErrNotExist) {
				return fmt.Sprintf("%s needs %s, which is not in the container: it was built for another distribution", name, file)
			}
		}
	}
	return ""
}

// firstLine gives the beginning of a file without its line feed, as far as the kernel
// looks for an interpreter.
func (p *program) firstLine() string {
	if p.text == nil {
		return ""
	}
	text := make([]byte, 256)
	n, _ := p.text.ReadAt(text, 0) // a short one ends before that
	line, _, _ := strings.Cut(string(text[:n]), "\n")
	return line
}

// plainWords gives the words of the first simple command of a line, without what comes
// before the program; none if only a shell knows them.
func plainWords(line string) []string {
	if at := strings.IndexAny(line, "|&;<>\n"); at >= 0 {
		line = line[:at]
	}
	if at := strings.IndexAny(line, "$`*?\\("); at >= 0 { // what comes before it is known
		line = line[:max(0, strings.LastIndexAny(line[:at], " \t"))]
	}
	words := strings.Fields(strings.NewReplacer(`'`, "", `"`, "").Replace(line))
	for len(words) > 0 && (words[0] == "exec" || words[0] == "env" || strings.Contains(words[0], "=")) {
		words = words[1:]
	}
	return words
}
