package incus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// Shared files are in a folder of the agent's (package shared). From there they come to
// the members whose instances need them (shared_fill.go). Beside them is
//
//	.gone/<name>    that a file is not needed any more: members may have it still
const goneBeside = ".gone"

func (e *Engine) goneFolder() string { return filepath.Join(e.Options.Shared, goneBeside) }

// Share makes what write writes a shared file of the agent's.
func (e *Engine) Share(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := e.shared().Add(ctx, name, write); err != nil {
		return fmt.Errorf("share %s: %w", name, err)
	}
	return nil
}

// Shared gives the shared files.
func (e *Engine) Shared(context.Context) ([]deployer.SharedFile, error) {
	all, err := e.shared().All()
	if err != nil {
		return nil, fmt.Errorf("list shared files: %w", err)
	}
	return all, nil
}

// Unshare removes a shared file: from members with the next that comes there, or all of
// them with the last instance.
func (e *Engine) Unshare(ctx context.Context, name string) error {
	if err := e.shared().Remove(name); err != nil {
		return err
	}
	if err := os.MkdirAll(e.goneFolder(), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(e.goneFolder(), url.PathEscape(name)), nil, 0o600); err != nil {
		return err
	}
	return e.dropVolumes(ctx)
}

// gone are the files that are not needed any more.
func (e *Engine) gone() (names []string, err error) {
	entries, err := os.ReadDir(e.goneFolder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		name, wrong := url.PathUnescape(entry.Name())
		if wrong != nil {
			continue // of nobody's making
		}
		file, wrong := e.shared().File(name)
		if _, there := os.Lstat(file); wrong == nil && there != nil { // else it has come again
			names = append(names, name)
		}
	}
	return names, err
}

// sharedParts are shared files by their names and sizes.
func (e *Engine) sharedParts(names []string) (all []inside.Part, err error) {
	for _, name := range names {
		file, err := e.shared().File(name)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("the shared file %s: %w", name, err)
		}
		all = append(all, inside.Part{Name: name, Size: info.Size()})
	}
	return all, nil
}

// sharedFiles are shared files with what they hold.
func (e *Engine) sharedFiles(names []string) (brought, error) {
	b := brought{paths: map[string]string{}}
	for _, name := range names {
		file, err := e.shared().File(name)
		if err == nil {
			err = b.addFile(file, name)
		}
		if err != nil {
			return b, fmt.Errorf("the shared file %s: %w", name, err)
		}
	}
	return b, nil
}

// Mapped gives the shared files that the service of an instance has in its memory.
func (e *Engine) Mapped(ctx context.Context, name string) ([]string, error) {
	a, err := e.within(ctx, name, quick, inside.Request{Call: inside.CallMapped})
	if err != nil {
		return nil, fmt.Errorf("look what %s has in its memory: %w", name, err)
	}
	return a.Names, nil
}
