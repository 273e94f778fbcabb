package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// template makes the root with lxc-create.
func (w *build) template(ctx context.Context) (config string, err error) {
	w.begin("create from the template " + w.recipe.Template)
	backing := "dir"
	if w.Backing == "btrfs" {
		backing = "btrfs"
	}
	args := []string{"-P", w.Path, "-n", w.container, "-t", w.recipe.Template, "-B", backing}
	if len(w.recipe.Args) > 0 {
		args = append(append(args, "--"), w.recipe.Args...)
	}
	if err := run(ctx, w.line, "lxc-create", args...); err != nil {
		return "", fmt.Errorf("lxc-create with the template %s: %w", w.recipe.Template, err)
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "config"))
	if err != nil {
		return "", err
	}
	if err := w.apt(ctx); err != nil {
		return "", err
	}
	s := settings{bridge: w.Bridge, apparmor: profile(), first: w.recipe.First}
	if onDisk(filepath.Join(w.root, "etc/systemd/system")) {
		s.halt = haltSystemd
	}
	return s.adapt(string(text)), nil
}

// apt installs the packages into the root that a template made.
func (w *build) apt(ctx context.Context) error {
	if len(w.recipe.Packages) == 0 {
		return nil
	}
	if !onDisk(filepath.Join(w.root, "usr/bin/apt-get")) {
		return errors.New("packages are installed with apt-get, which this template's system does not have: install them with run lines")
	}
	w.begin("install packages")
	// The names are checked: no shell reads anything else into them.
	line := "apt-get update && apt-get install --yes --no-install-recommends " + strings.Join(w.recipe.Packages, " ")
	if err := w.chroot(ctx, line); err != nil {
		return fmt.Errorf("install %s: %w", strings.Join(w.recipe.Packages, " "), err)
	}
	return nil
}
