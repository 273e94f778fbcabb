package network

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// hostsFile is where a container's resolver looks first.
const hostsFile = "/etc/hosts"

// Files is what SetHosts needs of a container's root: names are resolved
// inside it, a missing file is fs.ErrNotExist, and a file is written whole or
// not at all.
type Files interface {
	ReadFile(name string) ([]byte, error)
	WriteFile(name string, data []byte, perm fs.FileMode) error
}

// SetHosts makes the marked block of /etc/hosts inside root hold exactly
// names, and says whether it did not before. Without names there is no block.
// Everything outside of the block is kept to the byte, and nothing is written
// when nothing changes. A missing file is made, with mode 0644.
//
// A name that is no host name, or an address that leads nowhere, is an error
// that leaves the file as it is.
func SetHosts(root Files, names map[string]netip.Addr) (changed bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := checkHost(name, names[name]); err != nil {
			return false, fmt.Errorf("write %q to %s: %w", name, hostsFile, err)
		}
	}
	before, err := root.ReadFile(hostsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("read %s: %w", hostsFile, err)
	}
	after := replaceBlock(before, names)
	if bytes.Equal(before, after) {
		return false, nil
	}
	if err := root.WriteFile(hostsFile, after, 0o644); err != nil {
		return false, fmt.Errorf("write %s: %w", hostsFile, err)
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
		return fmt.Errorf("address %s leads nowhere", addr)
	}
	return nil
}

// isLabel says whether s is one label of a host name (RFC 1123, section 2.1).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
