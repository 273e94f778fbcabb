package deployer

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io/fs"
	"runtime"
	"strings"
	"testing"
)

// elfOf is the beginning of a program for a machine, which wants a loader.
func elfOf(machine elf.Machine, loader string) string {
	var b bytes.Buffer
	head := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	copy(head.Ident[:], "\x7fELF\x02\x01\x01")
	part := elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: uint64(len(loader) + 1)}
	_ = binary.Write(&b, binary.LittleEndian, head) // into memory
	_ = binary.Write(&b, binary.LittleEndian, part)
	return b.String() + loader + "\x00"
}

// What a person would find out of a command that could not be started, in a
// container with a shell and with Python.
func TestWhyACommandCouldNotBeStarted(t *testing.T) {
	own, other := machines[runtime.GOARCH], elf.EM_S390
	files := map[string]string{ // executable, but for those whose names say so
		"/usr/bin/python3": "", "/bin/sh": "", "/usr/bin/env": "", "/lib/ld.so": "",
		"/web/good.sh": "#!/bin/sh\nexit 127\n", "/web/windows.sh": "#!/bin/sh\r\nset -e\r\n", "/web/not-exec.sh": "#!/bin/sh\n",
		"/web/not-exec.py": "#!/usr/bin/env python3\n", "/web/bash.sh": "#! /bin/bash -e\n", "/web/env.sh": "#!/usr/bin/env node\n",
		"/web/good.py": "#!/usr/bin/env python3\n", "/web/app.jar": "PK\x03\x04", "/web/not-exec": elfOf(own, "/lib/ld.so"),
		"/web/native": elfOf(own, "/lib/ld.so"), "/web/other": elfOf(other, "/lib/ld.so"), "/web/musl": elfOf(own, "/lib/ld-musl.so.1"),
		"/web/app.exe": "MZ\x90", "/web/mac": "\xcf\xfa\xed\xfe", "/web/bin/crlf": "echo\r\n", "/web/marked.sh": "\uFEFF#!/bin/bash\n",
	}
	const lf = ` has Windows line ends, which a shell takes for part of the words: save it with LF ("*.sh text eol=lf" in .gitattributes)`
	const source = ", which is not in the container: its base needs the package that has it"
	for _, c := range []struct {
		line   string
		status int
		want   string
	}{
		{"java -jar app.jar", 127, `java is not in the container: its base needs a Java runtime, as in packages = ["openjdk-17-jre-headless"]`},
		{"LANG=C exec 'java' -jar app.jar", 127, "java is not in the container: its base needs a Java runtime"},
		{"node app.js", 127, "node is not in the container: its base needs the package that has it"},
		{"python3 app.py", 127, ""},
		{"nice python3 app.py | cat", 127, "nice is not in the container"},
		{"./gone.sh", 127, "there is no /web/gone.sh"},
		{"sh gone.sh", 127, "there is no /web/gone.sh"},
		{"sh gone.sh", 2, "there is no /web/gone.sh"},
		{"sh -c 'gone.sh'", 127, ""},
		{"sh windows.sh", 2, "windows.sh" + lf},
		{"sh windows.sh", 1, "windows.sh" + lf},
		{"./windows.sh server", 127, "./windows.sh" + lf},
		{"/web/windows.sh", 126, "/web/windows.sh" + lf},
		{"bin/crlf", 3, "bin/crlf" + lf},
		{"./not-exec.sh 'server' x", 126, `./not-exec.sh is not executable, a bit that shares drop: exec = "sh ./not-exec.sh server x" runs it all the same`},
		{"./not-exec.py", 126, `exec = "python3 ./not-exec.py" runs it all the same`},
		{"./not-exec", 126, `./not-exec is not executable, a bit that shares drop: exec = "chmod +x ./not-exec && exec ./not-exec" runs it all the same`},
		{"./marked.sh", 2, "./marked.sh begins with a byte order mark"},
		{"sh marked.sh", 1, "marked.sh begins with a byte order mark"},
		{"./bash.sh", 127, "the first line of ./bash.sh names /bin/bash" + source},
		{"./env.sh", 127, "the first line of ./env.sh names node" + source},
		{"./good.py", 127, ""},
		{"./good.sh", 127, ""},
		{"./good.sh", 1, ""},
		{"./app.jar", 126, `./app.jar is an archive, and no program: exec = "java -jar ./app.jar"`},
		{"./app.jar", 2, `exec = "java -jar ./app.jar"`},
		{"./native", 127, ""},
		{"./other", 126, "./other is a program for another processor (S390): build it for this one, " + runtime.GOARCH},
		{"./musl", 127, "./musl needs /lib/ld-musl.so.1, which is not in the container: it was built for another distribution"},
		{"./app.exe", 126, "./app.exe is a program for Windows: build it for Linux, on " + runtime.GOARCH},
		{"./mac", 126, "./mac is a program for macOS"},
		{"cd /data && exec java -jar /web/app.jar", 127, "java is not in the container: its base needs a Java runtime"},
		{"cd bin && ../not-exec.sh x", 126, `exec = "cd bin && sh ../not-exec.sh x" runs it all the same`},
		{"cd bin && ./crlf", 3, "./crlf" + lf},
		{"cd /data && exec python3 app.py", 127, ""},
		{"cd $HOME && java -jar app.jar", 127, ""},
		{": ${DB_HOST:?is not set}; java -jar app.jar", 2, ""},
		{"set -u; echo $DB_HOST", 2, ""},
		{"ulimit -n 1000000 && java -jar app.jar", 2, ""},
		{"[ -f config.yml ] || exit 127", 127, ""},
		{". ./settings && java -jar app.jar", 127, ""},
		{"$JAVA_HOME/bin/java -jar app.jar", 127, ""},
		{"", 127, ""},
	} {
		l := looker{command: Command{Line: c.line, Dir: "/web"}, find: func(file string) (*program, error) {
			text, found := files[file]
			if !found {
				return nil, fs.ErrNotExist
			}
			return &program{strings.NewReader(text), !strings.Contains(file, "not-exec")}, nil
		}}
		if got := l.why(c.status); got != c.want && (c.want == "" || !strings.Contains(got, c.want)) {
			t.Errorf("of %q with status %d is said %q, want %q", c.line, c.status, got, c.want)
		}
	}
}
