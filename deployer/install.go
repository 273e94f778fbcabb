package deployer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/deployer/jars"
)

// startMemory is what is known of how a service can be started fast. It is a value.
type startMemory struct {
	known       jars.Known
	failed, why string // the libraries from which it has not come up, and what is said of that
}

// learn notes that more is known.
func (m *making) learn(do func(*startMemory)) {
	do(&m.starts)
	next := m.starts
	m.learned = &next
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
	return m.noteStart(ctx, f.start(), f)
}

// installPlain brings them in as they are.
func (m *making) installPlain(ctx context.Context, why plainError) error {
	m.fast = nil
	if err := m.Engine.Install(ctx, m.g.Name(), m.set.Dir, m.service.Target, m.command); err != nil || why == errNoJar {
		return err
	}
	return m.noteStart(ctx, &Start{Plain: string(why)}, nil)
}

func (m *making) noteStart(ctx context.Context, s *Start, f *fast) error {
	next := *m.g
	next.Start, next.fast = s, f
	if err := m.record(ctx, &next); err != nil {
		return err
	}
	m.g = &next
	return nil
}

// installFast brings in only the application's part of the JAR, under its name, and
// sees to it that the libraries are shared.
func (m *making) installFast(ctx context.Context, f *fast) error {
	missing, err := m.sharing.use(ctx, m.g.Name(), f.start().files())
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

func (f *fast) writeApp(ctx context.Context, name string, mode os.FileMode) error {
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	return errors.Join(f.split.WriteApp(ctx, to), to.Close())
}

// share shares the libraries that are not there yet.
func (m *making) share(ctx context.Context, f *fast, missing []string) error {
	for _, l := range f.split.Libraries {
		if !slices.Contains(missing, l.Name) {
			continue
		}
		if err := m.Engine.Share(ctx, l.Name, func(w io.Writer) error { return f.split.WriteLibrary(ctx, l, w) }); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		m.sharing.forget(ctx)
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

// remembered gives what is known of how a service can be started, of what the
// history has of it.
func remembered(s history.Start) startMemory {
	m := startMemory{failed: s.Failed, why: s.Why}
	_ = json.Unmarshal(s.Rule, &m.known) // what cannot be read is learned anew
	return m
}

// learn takes up what a deploy has found out.
func (l *loop) learn(m *startMemory) {
	if m == nil {
		return
	}
	l.starts = *m
	kept := m.known
	kept.Libraries = nil // they are read anew
	rule, err := json.Marshal(kept)
	if err != nil {
		panic(err) // strings and numbers marshal
	}
	if next := (history.Start{Rule: rule, Failed: m.failed, Why: m.why}); !next.Equal(l.page.Start) {
		l.amend(func(p *history.Page) { p.Start = next })
	}
}
