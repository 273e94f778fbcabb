package deployer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/deployer/jars"
	"github.com/jarloop/jarloop/deployer/jvm"
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
	// Wants makes the archive where there was none yet, for whichever agent comes to
	// it; nil: it is there, or there is no use in one.
	Wants *Production `json:"wants,omitempty"`
	// Plain says, to people, why it was started as its command says; empty: it was not.
	Plain string `json:"plain,omitempty"`
}

// files are the shared files that it runs with, or that the next one will: an archive
// that is too much as soon as it is made would be made time and again.
func (s *Start) files() []string {
	if s == nil {
		return nil
	}
	all := slices.Clone(s.Libraries)
	if s.Archive != "" {
		all = append(all, s.Archive)
	}
	if s.Wants != nil {
		all = append(all, s.Wants.Name)
	}
	return all
}

// fast is a start of java -jar from libraries that are shared: they come first on the
// class path, so that an archive of their classes stays right whatever the builds change.
type fast struct {
	java    *jvm.Command
	split   *jars.Split
	jar     string   // below the target
	quick   []string // options that shorten a start
	boot    []string // options that add to the classes of the JVM itself
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

// key names what an archive depends on: its libraries, the options of the JVM, and the
// base that has the JVM.
func (f *fast) key(base string, linked bool) string {
	text, err := json.Marshal([]any{base, f.java.Java, f.java.Options, f.same(), f.stable, linked})
	if err != nil {
		panic(err) // strings marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// same are the options, beside those of the command, that an archive is made with.
func (f *fast) same() []string {
	return append(f.quick[:len(f.quick):len(f.quick)], f.boot...)
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
	c.Shared = slices.Concat(f.stable, f.own)
	if f.ready {
		c.Shared = append(c.Shared, f.archive)
	}
	return c
}

// start is what the record of a generation of a base says of it.
func (f *fast) start(base string) *Start {
	s := &Start{Libraries: append(f.stable[:len(f.stable):len(f.stable)], f.own...)}
	switch {
	case f.ready:
		s.Archive = f.archive
	case f.archive != "":
		s.Wants = f.production(base)
	}
	return s
}

// classesOf names the shared file with the names of the classes that an archive is to
// have, for as long as it is made.
func classesOf(archive string) string { return archive + classesEnding }

const classesEnding = ".classes"

// production is the making of its archive.
func (f *fast) production(base string) *Production {
	const out = "/tmp/archive"
	script := f.java.Dump(f.same(), classPath(f.stable), path.Join(SharedFolder, classesOf(f.archive)), out, strings.HasSuffix(f.archive, linkedArchive))
	return &Production{
		Base: base, Name: f.archive, Argv: []string{"/bin/sh", "-c", script}, Out: out,
		Memory: archiveMemory, Time: archiveTime, Disk: archiveDisk,
	}
}

const (
	// archiveMemory, archiveTime and archiveDisk bound the making of an archive:
	// of an application with 25,000 classes it takes some 700 MB and 20 s of a core.
	archiveMemory = 2 << 30
	archiveTime   = 10 * time.Minute
	archiveDisk   = 1 << 30
)

// startMemory is what is known of how a service can be started fast. It is a value.
type startMemory struct {
	known       jars.Known
	failed, why string // the libraries from which it has not come up, and what is said of that
}

// remembered gives what is known of how a service can be started, of what the
// history has of it.
func remembered(s history.Start) startMemory {
	m := startMemory{failed: s.Failed, why: s.Why}
	_ = json.Unmarshal(s.Rule, &m.known) // what cannot be read is learned anew
	return m
}

func (f *fast) writeApp(ctx context.Context, name string, mode os.FileMode) error {
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	return errors.Join(f.split.WriteApp(ctx, to), to.Close())
}
