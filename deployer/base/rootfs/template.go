package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
)

// template makes the root with lxc-create, and gives the configuration that it
// writes. The folder of lxc-create's container is beside the root. It stays if the
// configuration names files in it, as lxc-download's does with lxc.mount.fstab.
func template(ctx context.Context, r Recipe, root string, p Progress) (config string, err error) {
	p.Step("create from the template " + r.Template)
	path, name := root+".template", r.Container()
	args := []string{"-P", path, "-n", name, "-t", r.Template, "-B", "dir", "--dir", root}
	if len(r.Args) > 0 {
		args = append(append(args, "--"), r.Args...)
	}
	if err := tool.Run(ctx, p.Line, "lxc-create", args...); err != nil {
		return "", fmt.Errorf("lxc-create with the template %s: %w", r.Template, err)
	}
	text, err := os.ReadFile(filepath.Join(path, name, "config"))
	if err != nil {
		return "", err
	}
	if config = string(text); !strings.Contains(config, path+"/") {
		if err := os.RemoveAll(path); err != nil {
			return "", err
		}
	}
	return config, aptInstall(ctx, r, root, p)
}

// aptInstall installs the packages into the root that a template made.
func aptInstall(ctx context.Context, r Recipe, root string, p Progress) error {
	if len(r.Packages) == 0 {
		return nil
	}
	if _, err := os.Stat(filepath.Join(root, "usr/bin/apt-get")); err != nil {
		return errors.New("packages are installed with apt-get, which this template's system does not have: install them with run lines")
	}
	p.Step("install packages")
	// The names are checked: no shell reads anything else into them.
	names := strings.Join(r.Packages, " ")
	if err := inside(ctx, root, p, "apt-get update && apt-get install --yes --no-install-recommends "+names); err != nil {
		return fmt.Errorf("install %s: %w", names, err)
	}
	return nil
}
