package deployer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
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
	name := ""
	err = e.do(ctx, "claim production", func() error {
		if p.Base != "base" && p.Base != "base-2" {
			return fmt.Errorf("there is no base %s", p.Base)
		}
		for n := 1; name == "" || e.instances[name] != nil; n++ {
			name = fmt.Sprintf("jarloop-produce-%d", n)
		}
		e.instances[name] = &instance{name: name, record: []byte("{}\n"), half: true, running: true}
		return nil
	})
	if err != nil {
		return made, err
	}
	defer func() {
		last := context.WithoutCancel(ctx)
		err = errors.Join(err, e.do(last, "remove production", func() error { delete(e.instances, name); return nil }))
	}()
	text, err := e.produced(ctx, p)
	if err != nil {
		return made, err
	}
	return made, e.do(ctx, "produce", func() error {
		e.shared[p.Name] = shared{text, time.Now()}
		made = deployer.Produced{Bytes: int64(len(text)), CPU: time.Second, Took: time.Second}
		return nil
	})
}

// produced gives what the command of a production writes to where it is taken from.
func (e engine) produced(ctx context.Context, p deployer.Production) (string, error) {
	out := func(file, text string) (string, error) {
		if file != p.Out {
			return "", fmt.Errorf("%s is not there", p.Out)
		}
		return text, nil
	}
	switch verb, args := p.Argv[0], p.Argv[1:]; verb {
	case "fail":
		return "", errors.New("the command failed: refused")
	case "take":
		return "", errors.New(deployer.OverMemory(p.Memory))
	case "fill":
		return "", fmt.Errorf("it has written more than %d MiB", p.Disk>>20)
	case "sleep":
		ctx, cancel := context.WithTimeout(ctx, p.Time)
		defer cancel()
		<-ctx.Done()
		return "", fmt.Errorf("the command has not ended: %w", context.Cause(ctx))
	case "write":
		return out(args[0], args[1])
	case "interfaces":
		return out(args[0], "lo\n")
	case "copy":
		e.mu.Lock()
		defer e.mu.Unlock()
		f, there := e.shared[strings.TrimPrefix(args[0], deployer.SharedFolder+"/")]
		if !there {
			return "", fmt.Errorf("%s is not there", args[0])
		}
		return out(args[1], f.text)
	}
	return "produced\n", nil // by java
}

func (e engine) Mapped(ctx context.Context, name string) (all []string, err error) {
	return all, e.do(ctx, "mapped", func() error {
		i, err := e.up(name)
		if err != nil || i.command == nil {
			return err
		}
		if file, found := strings.CutPrefix(i.command.Line, "map "+deployer.SharedFolder+"/"); found {
			all = append(all, file)
		}
		_, rest, found := strings.Cut(i.command.Line, "-XX:SharedArchiveFile="+deployer.SharedFolder+"/")
		if archive, _, _ := strings.Cut(rest, " "); found && e.shared[archive].text != "broken" {
			all = append(all, archive)
		}
		return nil
	})
}
