package deployer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/deployer/jars"
	"github.com/jarloop/jarloop/deployer/jvm"
	"github.com/jarloop/jarloop/watcher"
)

// Start is how the service of a generation was started, where its command runs
// java -jar.
type Start struct {
	// Libraries are the shared files that its class path begins with, in this order.
	Libraries []string `json:"libraries,omitempty"`
	// Archive is the shared file with their classes; empty: there was none yet. Taken
	// says whether the JVM takes classes from it; nil: it has not been looked at.
	Archive string `json:"archive,omitempty"`
	Taken   *bool  `json:"taken,omitempty"`
	// Plain says, to people, why it was started as its command says; empty: it was not.
	Plain string `json:"plain,omitempty"`
}

// files are the shared files that it runs with.
func (s *Start) files() []string {
	switch {
	case s == nil:
		return nil
	case s.Archive == "":
		return s.Libraries
	}
	return append(s.Libraries[:len(s.Libraries):len(s.Libraries)], s.Archive)
}

// fast is a start of java -jar from libraries that are shared: they come first on the
// class path, so that an archive of their classes stays right whatever the builds change.
type fast struct {
	java    *jvm.Command
	split   *jars.Split
	jar     string   // below the target
	quick   []string // options that shorten a start
	stable  []string // the libraries that an archive covers
	own     []string // those of the project itself, which come after
	archive string   // the shared file for it; empty: there is no use in one
	ready   bool     // it is there
}

// classList is the file inside to which a JVM writes the names of the classes that it
// loads.
const classList = "/tmp/.jarloop-classes"

// plainError says why a service is started as its command says.
type plainError string

func (e plainError) Error() string { return string(e) }

// nothingToShare is one that nobody has to know: there is nothing to be gained.
const nothingToShare plainError = "its JAR has no libraries but its own"

// notWanted is what a person has said.
const notWanted plainError = "fast_start = false"

// errNoJar says that a command does not run java -jar and nothing else.
const errNoJar plainError = "its command does more than run java -jar, or something else"

// takeApart finds out how a set can be started fast by a command. A plainError says why
// it cannot.
func (m *making) takeApart(ctx context.Context, set watcher.Set, c Command) (*fast, error) {
	java, err := jvm.Parse(c.Line)
	if err != nil {
		return nil, errNoJar
	}
	jar, ok := below(m.service.Target, c, java)
	option := java.Forbids(c.Env)
	shares := m.sharing.ready(ctx)
	switch {
	case m.service.Plain || m.Scratch == "":
		return nil, notWanted
	case option != "":
		return nil, plainError("its command has " + option)
	case errors.Is(shares, errors.ErrUnsupported):
		return nil, plainError(oneLine(shares))
	case shares != nil:
		return nil, shares
	case !ok:
		return nil, plainError(java.Jar + " is none of its artefacts")
	}
	sums := map[string]string{}
	for _, f := range set.Files {
		sums[f.Name] = f.SHA256
	}
	split, err := jars.Open(ctx, jars.Source{Dir: set.Dir, Name: jar, Sum: func(name string) string { return sums[name] }}, m.starts.known)
	switch {
	case errors.Is(err, jars.ErrNoLibraries):
		return nil, nothingToShare
	case err != nil:
		return nil, plainError(jar + " " + oneLine(err))
	}
	f := &fast{java: java, split: split, jar: jar, quick: java.Quick(c.Env)}
	for i, l := range split.Libraries {
		if i < split.Stable {
			f.stable = append(f.stable, l.Name)
		} else {
			f.own = append(f.own, l.Name)
		}
	}
	m.learn(func(s *startMemory) { s.known = split.Known() })
	switch {
	case len(f.classPath()) > maxClassPath:
		err = plainError("its class path would be too long")
	case m.starts.failed == f.key("", false):
		err = plainError(m.starts.why)
	}
	if err != nil {
		split.Close()
		return nil, err
	}
	m.chooseArchive(ctx, f)
	return f, nil
}

// maxClassPath keeps a class path below the 128 KiB that one argument may have
// (execve(2), MAX_ARG_STRLEN).
const maxClassPath = 100 << 10

// chooseArchive names the archive for f: the best one that no JVM has left aside.
// Options that change modules make one with linked classes useless.
func (m *making) chooseArchive(ctx context.Context, f *fast) {
	for _, linked := range []bool{true, false} {
		if linked && jvm.Modules(append(f.split.Options, f.java.Options...)) {
			continue
		}
		if name := f.archiveName(m.service.Base, linked); m.sharing.isUseful(ctx, name) {
			f.archive, f.ready = name, m.sharing.has(ctx, name)
			return
		}
	}
}

// below gives the JAR that is run relative to the target.
func below(target string, c Command, java *jvm.Command) (string, bool) {
	jar := java.Jar
	for _, dir := range []string{java.Dir, c.Dir} {
		if !path.IsAbs(jar) {
			jar = path.Join(dir, jar)
		}
	}
	jar, ok := strings.CutPrefix(path.Clean(jar), target+"/")
	return jar, ok && filepath.IsLocal(jar)
}

// key names what an archive depends on: its libraries, the options of the JVM, and the
// base that has the JVM.
func (f *fast) key(base string, linked bool) string {
	text, err := json.Marshal([]any{base, f.java.Java, f.java.Options, f.quick, f.stable, linked})
	if err != nil {
		panic(err) // strings marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

const linkedArchive = "-linked.jsa"

func (f *fast) archiveName(base string, linked bool) string {
	if linked {
		return f.key(base, true) + linkedArchive
	}
	return f.key(base, false) + ".jsa"
}

// classPath is that of the libraries.
func (f *fast) classPath() string {
	return classPath(append(f.stable[:len(f.stable):len(f.stable)], f.own...))
}

func classPath(libraries []string) string {
	all := make([]string, len(libraries))
	for i, name := range libraries {
		all[i] = path.Join(SharedFolder, name)
	}
	return strings.Join(all, ":")
}

// command is the one that starts it.
func (f *fast) command(c Command) Command {
	words := append([]string(nil), f.quick...)
	switch {
	case f.ready:
		words = append(words, jvm.Use(path.Join(SharedFolder, f.archive)))
	case f.archive != "":
		words = append(words, jvm.Record(classList))
	}
	words = append(words, f.split.Options...)
	words = append(words, "-cp", f.classPath()+":"+f.java.Jar, f.split.Main)
	c.Line = f.java.With(words...)
	return c
}

// start is what the record says of it.
func (f *fast) start() *Start {
	s := &Start{Libraries: append(f.stable[:len(f.stable):len(f.stable)], f.own...)}
	if f.ready {
		s.Archive = f.archive
	}
	return s
}

// production is the making of its archive, of the classes in a shared file.
func (f *fast) production(base, list string) Production {
	const out = "/tmp/archive"
	script := f.java.Dump(f.quick, classPath(f.stable), path.Join(SharedFolder, list), out, strings.HasSuffix(f.archive, linkedArchive))
	return Production{
		Base: base, Name: f.archive, Argv: []string{"/bin/sh", "-c", script}, Out: out,
		Memory: archiveMemory, Time: archiveTime, Disk: archiveDisk,
	}
}
