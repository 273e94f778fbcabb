package bases

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/deployer/base"
)

// Provision makes sure that bases are there, all of them if none is named, and
// gives the container of each.
func Provision(ctx context.Context, c *config.Config, names []string, out *console.Console) (map[string]string, error) {
	for _, name := range names {
		if _, err := Named(c, name); err != nil {
			return nil, err
		}
	}
	in, err := open(c, out.Progress)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	containers := map[string]string{}
	for _, b := range c.Bases {
		if len(names) > 0 && !slices.Contains(names, b.Name) {
			continue
		}
		r, err := Recipe(c, b)
		if err == nil && c.Incus() && b.BuiltIn {
			r, err = unlessByHand(ctx, in, r)
		}
		if err != nil {
			return nil, err
		}
		container, built, err := in.Ensure(ctx, r)
		if err != nil {
			return nil, err
		}
		if built {
			out.Built(b.Name, container)
		}
		containers[b.Name] = container
	}
	return containers, nil
}

// unlessByHand takes the one that a cluster's people have made for the built-in base.
func unlessByHand(ctx context.Context, in store, r base.Recipe) (base.Recipe, error) {
	own := base.Recipe{Name: r.Name}
	_, there, err := in.There(ctx, own)
	if there {
		r = own
	}
	return r, err
}

// Export writes a base that is built to a new file.
func Export(ctx context.Context, c *config.Config, name, file string, out *console.Console) error {
	r, err := Named(c, name)
	if err != nil {
		return err
	}
	if file, err = filepath.Abs(file); err != nil {
		return err
	}
	in, err := open(c, out.Progress)
	if err != nil {
		return err
	}
	defer in.Close()
	size, err := in.Export(ctx, r, file)
	if err == nil {
		out.Exported(r.Name, file, size)
	}
	return err
}

// Import makes a base of a file that Export wrote. That it is the wrong file is
// an error of usage.
func Import(ctx context.Context, c *config.Config, file string, out *console.Console) error {
	name, err := base.Named(file)
	if err != nil {
		return wrongFile(err)
	}
	r, err := Named(c, name)
	if err != nil {
		return err
	}
	in, err := open(c, out.Progress)
	if err != nil {
		return err
	}
	defer in.Close()
	container, err := in.Import(ctx, r, file)
	if err == nil {
		out.Imported(r.Name, container)
	}
	return wrongFile(err)
}

func wrongFile(err error) error {
	if errors.Is(err, base.ErrFile) || errors.Is(err, base.ErrDiffers) || errors.Is(err, fs.ErrNotExist) {
		return exit.AsUsage(err)
	}
	return err
}
