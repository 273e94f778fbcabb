package rootfs

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
)

var (
	//go:embed scripts/shape.sh
	shapeScript string
	//go:embed scripts/trim.sh
	trimScript string
)

// Build makes the recipe's root filesystem in root, an empty folder. Where a
// template made it, config is the LXC configuration that this one wrote.
func Build(ctx context.Context, r Recipe, root string, p Progress) (config string, err error) {
	if r.Distribution != "" {
		err = mmdebstrap(ctx, r, root, p)
	} else {
		config, err = template(ctx, r, root, p)
	}
	if err != nil {
		return "", err
	}
	if err := customise(ctx, r, root, p); err != nil {
		return "", err
	}
	return config, ShiftOwners(ctx, root, r.First, p)
}

// customise makes what guests need of the root, and what the recipe says beside
// packages.
func customise(ctx context.Context, r Recipe, root string, p Progress) error {
	p.Step("shape")
	if err := inside(ctx, root, p, shapeScript); err != nil {
		return fmt.Errorf("shape the root for clones: %w", err)
	}
	for i, line := range r.Run {
		first, _, more := strings.Cut(strings.TrimSpace(line), "\n")
		if more {
			first += " …"
		}
		p.Step(fmt.Sprintf("run %d of %d: %s", i+1, len(r.Run), tool.Printable(first)))
		if err := inside(ctx, root, p, line); err != nil {
			return fmt.Errorf("run %q: %w", line, err)
		}
	}
	p.Step("trim")
	if err := inside(ctx, root, p, trimScript); err != nil {
		return fmt.Errorf("trim the root: %w", err)
	}
	if err := replaceResolver(root); err != nil {
		return fmt.Errorf("replace the root's resolv.conf: %w", err)
	}
	return nil
}

// replaceResolver replaces a copy of the host's resolv.conf that names a server
// at the host's own loopback address, which a guest cannot reach.
func replaceResolver(dir string) error {
	const file = "etc/resolv.conf"
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := root.ReadFile(file)
	if err != nil || !onlyLoopback(string(text)) {
		return err
	}
	// The servers behind systemd-resolved, systemd-resolved.service(8).
	text, err = os.ReadFile("/run/systemd/resolve/resolv.conf")
	if err != nil || onlyLoopback(string(text)) {
		return root.Remove(file)
	}
	return root.WriteFile(file, text, 0o644)
}

// onlyLoopback says whether a resolv.conf(5) names servers, but none that
// another host could reach.
func onlyLoopback(text string) bool {
	loopback := false
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		addr, err := netip.ParseAddr(words[1])
		if err == nil && !addr.IsLoopback() {
			return false
		}
		loopback = loopback || err == nil
	}
	return loopback
}
