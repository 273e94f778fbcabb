package deployer

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/watcher"
)

// install brings the artefacts into the generation and names the command that
// runs them.
func (m *making) install(ctx context.Context, set watcher.Set) (err error) {
	next := m.g.in(Candidate)
	next.Set, next.Ordinal = set.ID, m.routing.ordinal(m.g.Service)
	if live := m.routing.current(m.g.Service); m.service.finds() && live != nil {
		next.Port = live.Port // likely, and looked for first
	}
	if err := m.record(ctx, next); err != nil {
		return err
	}
	next.output = m.follow(m.service, next) // before, it has nothing to say
	m.g = next
	m.set = set
	if m.command, err = commandOf(m.service, set); err != nil {
		return err
	}
	return m.installAs(ctx)
}

// commandOf is what runs the artefacts.
func commandOf(s Service, set watcher.Set) (Command, error) {
	line, runs := s.Exec, s.Runs
	switch {
	case line == "":
		runs = "*"
	case s.Backing: // its base has what it runs
		runs = ""
	}
	main, err := set.Main(runs)
	file := shellescape.Quote(path.Join(s.Target, main))
	switch in := path.Join(s.Target, runs); {
	case err != nil:
		return Command{}, err
	case line == "" && watcher.IsArchive(main):
		line = "java -jar " + file
	case line == "":
		line = file
	case main == runs: // named as it is
	case strings.Contains(line, in):
		line = strings.Replace(line, in, file, 1)
	default:
		line = strings.Replace(line, runs, shellescape.Quote(main), 1)
	}
	c := Command{Line: line, Dir: s.Target, Env: maps.Clone(s.Env)}
	if s.Debug != 0 {
		const options = "JAVA_TOOL_OPTIONS"
		if c.Env == nil {
			c.Env = map[string]string{}
		}
		c.Env[options] = strings.TrimSpace(guest.Debugger(s.Debug) + " " + c.Env[options])
	}
	return c, nil
}

// installAs brings the artefacts into the generation in the way in which they are
// to be started, and notes that in its record.
func (m *making) installAs(ctx context.Context) error {
	var plain plainError
	f, err := m.takeApart(ctx, m.set, m.command)
	switch {
	case errors.As(err, &plain):
		return m.installPlain(ctx, plain)
	case err != nil:
		return err
	}
	m.fast = f
	if err := errors.Join(m.installFast(ctx, f), f.split.Close()); err != nil {
		return err
	}
	return m.noteStart(ctx, f.start(m.g.Base))
}

// installPlain brings them in as they are.
func (m *making) installPlain(ctx context.Context, why plainError) error {
	m.fast = nil
	if err := m.Engine.Install(ctx, m.g.Name(), m.set.Dir, m.service.Target, m.command); err != nil || why == errNoJar {
		return err
	}
	return m.noteStart(ctx, &Start{Plain: string(why)})
}

func (m *making) noteStart(ctx context.Context, s *Start) error {
	next := *m.g
	next.Start = s
	if err := m.record(ctx, &next); err != nil {
		return err
	}
	m.g = &next
	return nil
}

// installFast brings in only the application's part of the JAR, under its name, and
// sees to it that the libraries are shared.
func (m *making) installFast(ctx context.Context, f *fast) error {
	missing, err := m.sharing.use(ctx, m.g.Name(), f.start(m.g.Base).files())
	if err != nil {
		return err
	}
	if err := m.share(ctx, f, missing); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(m.Scratch, m.g.Name()+"-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // else the next agent does
	for _, file := range m.set.Files {
		name := filepath.FromSlash(file.Name)
		err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		if err == nil && file.Name == f.jar {
			err = f.writeApp(ctx, filepath.Join(dir, name), file.Mode)
		} else if err == nil {
			err = os.Link(filepath.Join(m.set.Dir, name), filepath.Join(dir, name))
		}
		if err != nil {
			return err
		}
	}
	return m.Engine.Install(ctx, m.g.Name(), dir, m.service.Target, f.command(m.command))
}

// share shares the libraries that are not there yet.
func (m *making) share(ctx context.Context, f *fast, missing []string) error {
	for _, l := range f.split.Libraries {
		if !slices.Contains(missing, l.Name) {
			continue
		}
		if err := m.sharing.share(ctx, l.Name, func(w io.Writer) error { return f.split.WriteLibrary(ctx, l, w) }); err != nil {
			return err
		}
	}
	return nil
}

// comeUp waits until the generation is healthy. What does not come up with its
// libraries apart is started once more as its command says, since that may be why.
func (m *making) comeUp(ctx context.Context, r *replacement) error {
	err := m.prove(ctx)
	if err == nil || m.fast == nil || ctx.Err() != nil {
		return err
	}
	f := m.fast
	why := "it has not come up with its libraries apart (" + oneLine(err) + ")"
	m.tell(Event{Kind: Warning, Service: m.g.Service, Generation: m.g.Name(), Reason: why + ": tried once more as java -jar"})
	if err := m.beginAgain(ctx, r); err != nil {
		return err
	}
	if err := m.installPlain(ctx, plainError(why)); err != nil {
		return err
	}
	m.sharing.release(m.g.Name())
	if err := m.launch(ctx); err != nil {
		return err
	}
	if err := m.prove(ctx); err != nil {
		return err
	}
	m.learn(func(s *startMemory) { s.failed, s.why = f.key("", false), why })
	return nil
}

// beginAgain ends the service of the generation, and makes the data what they were
// before it began.
func (m *making) beginAgain(ctx context.Context, r *replacement) error {
	if err := m.quit(ctx, m.g.Name(), m.service.StopTimeout); err != nil {
		return err
	}
	if m.g.output != nil {
		m.g.output.matched.Store(false)
	}
	if r == nil {
		return nil
	}
	if err := m.Engine.RestoreData(ctx, m.g.Service); err != nil {
		return err
	}
	return r.save(ctx)
}
