package deployer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// shared is a file that instances share.
type shared struct {
	text string
	at   time.Time
}

func sharedName(name string) error {
	if !filepath.IsLocal(name) || path.Clean(name) != name || strings.HasPrefix(name, ".") || strings.ContainsRune(name, '\n') {
		return fmt.Errorf("%q is no name of a shared file", name)
	}
	return nil
}

func (e engine) Share(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := sharedName(name); err != nil {
		return err
	}
	e.mu.Lock()
	_, there := e.shared[name]
	e.mu.Unlock()
	if there {
		return nil
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	return e.do(ctx, "share", func() error { e.shared[name] = shared{text.String(), time.Now()}; return nil })
}

func (e engine) Shared(ctx context.Context) (all []deployer.SharedFile, err error) {
	return all, e.do(ctx, "shared", func() error {
		for name, f := range e.shared {
			all = append(all, deployer.SharedFile{Name: name, Size: int64(len(f.text)), Time: f.at})
		}
		return nil
	})
}

func (e engine) Unshare(ctx context.Context, name string) error {
	if err := sharedName(name); err != nil {
		return err
	}
	return e.do(ctx, "unshare", func() error { delete(e.shared, name); return nil })
}

func (e engine) Produce(ctx context.Context, p deployer.Production) (made deployer.Produced, err error) {
	text := "produced\n"
	switch {
	case slices.Contains(p.Argv, "fail"):
		return made, errors.New("the command failed: refused")
	case slices.Contains(p.Argv, "sleep"):
		ctx, cancel := context.WithTimeout(ctx, p.Time)
		defer cancel()
		<-ctx.Done()
		return made, fmt.Errorf("the command has not ended: %w", context.Cause(ctx))
	case len(p.Argv) == 3 && p.Argv[0] == "write":
		if text = p.Argv[2]; p.Argv[1] != p.Out {
			return made, fmt.Errorf("%s is not there", p.Out)
		}
	}
	return made, e.do(ctx, "produce", func() error {
		if p.Base != "base" && p.Base != "base-2" {
			return fmt.Errorf("there is no base %s", p.Base)
		}
		e.shared[p.Name] = shared{text, time.Now()}
		made = deployer.Produced{Bytes: int64(len(text)), CPU: time.Second, Took: time.Second}
		return nil
	})
}

func (e engine) Mapped(ctx context.Context, name string) (all []string, err error) {
	return all, e.do(ctx, "mapped", func() error {
		i, err := e.up(name)
		if err != nil || i.command == nil {
			return err
		}
		_, rest, found := strings.Cut(i.command.Line, "-XX:SharedArchiveFile="+deployer.SharedFolder+"/")
		if archive, _, _ := strings.Cut(rest, " "); found && e.shared[archive].text != "broken" {
			all = append(all, archive)
		}
		return nil
	})
}
