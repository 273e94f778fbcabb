package deployer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/watcher"
)

// prove proves the generation. A port that was found is written into its record at
// once, since that may become the record of what is live.
func (m *making) prove(ctx context.Context) error {
	next, err := m.shop.prove(ctx, m.service, m.g)
	if err != nil {
		return m.explainExit(ctx, err)
	}
	if next != m.g {
		if err := m.record(ctx, next); err != nil {
			return err
		}
	}
	m.g = next
	return nil
}

// explainExit adds to how a service has ended, before it was healthy, what a person
// would find out.
func (m *making) explainExit(ctx context.Context, err error) error {
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Stopped || !exit.Exited {
		return err
	}
	why := foreground
	if slices.Contains(strings.Fields(m.command.Line), "java") {
		why += "; a JVM ends with its last thread, as that of Spring Boot does without a web server"
	}
	if exit.Status != 0 {
		ctx, cancel := context.WithTimeout(ctx, factsTime)
		defer cancel()
		look := looker{command: m.command, find: func(file string) (*program, error) { return m.program(ctx, file) }}
		if why = look.why(exit.Status); why == "" {
			return err
		}
	}
	return fmt.Errorf("%w: %s", err, why)
}

// foreground is what has to be said of status 0.
const foreground = "the command has to stay in the foreground, and has no standard input"

// program gives a file of the instance: from the artefacts themselves, whose size and
// mode are known, or else as far as the engine reads it.
func (m *making) program(ctx context.Context, file string) (*program, error) {
	if in, ok := strings.CutPrefix(file, m.service.Target+"/"); ok && !m.service.Backing {
		at := slices.IndexFunc(m.set.Files, func(f watcher.File) bool { return f.Name == in })
		if at < 0 {
			return nil, fs.ErrNotExist
		}
		text, err := os.Open(filepath.Join(m.set.Dir, filepath.FromSlash(in)))
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = text.Close() }) // when all has been looked at
		return &program{text, m.set.Files[at].Mode&0o111 != 0}, nil
	}
	text, err := m.Engine.ReadFile(ctx, m.g.Name(), file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
			return nil, err
		}
		return &program{executable: true}, nil // such as one that is too large
	}
	return &program{bytes.NewReader(text), true}, nil
}
