package network

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// hostsFile is where an instance's resolver looks first.
const hostsFile = "/etc/hosts"

// Files are those of running instances: paths are resolved inside, a missing file
// is fs.ErrNotExist, and a file is written whole or not at all. deployer.Engine
// is one.
type Files interface {
	ReadFile(ctx context.Context, instance, file string) ([]byte, error)
	WriteFile(ctx context.Context, instance, file string, data []byte, perm fs.FileMode) error
}

// writeHosts makes the marked block of /etc/hosts inside an instance hold exactly
// names, and says whether it did not before. Without names there is no block.
// Everything outside of the block is kept to the byte, and nothing is written
// when nothing changes. A missing file is made, with mode 0644.
//
// A name that is no host name, or an address that nothing has, is an error
// that leaves the file as it is.
func writeHosts(ctx context.Context, files Files, instance string, names map[string]netip.Addr) (changed bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := checkHost(name, names[name]); err != nil {
			return false, fmt.Errorf("write %q to %s of %s: %w", name, hostsFile, instance, err)
		}
	}
	before, err := files.ReadFile(ctx, instance, hostsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("read %s of %s: %w", hostsFile, instance, err)
	}
	after := replaceBlock(before, names)
	if bytes.Equal(before, after) {
		return false, nil
	}
	if err := files.WriteFile(ctx, instance, hostsFile, after, 0o644); err != nil {
		return false, fmt.Errorf("write %s of %s: %w", hostsFile, instance, err)
	}
	return true, nil
}

func checkHost(name string, addr netip.Addr) error {
	switch {
	case !isLabel(name):
		return errors.New("not a host name (RFC 1123: 1 to 63 letters, digits and hyphens, no hyphen at either end)")
	case strings.EqualFold(name, "localhost"):
		return errors.New("every container's own name for itself")
	case !addr.IsValid() || addr.IsUnspecified() || addr.Zone() != "":
		return fmt.Errorf("nothing can be reached at address %s", addr)
	}
	return nil
}
