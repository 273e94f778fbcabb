package deployer

import (
	"context"
	"errors"
	"path"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/deployer/jars"
	"github.com/jarloop/jarloop/deployer/jvm"
	"github.com/jarloop/jarloop/watcher"
)

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
	f := &fast{java: java, split: split, jar: jar, quick: java.Quick(c.Env), boot: java.Boot(c.Env)}
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
