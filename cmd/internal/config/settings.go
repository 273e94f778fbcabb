package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// envFiles gives the files of settings, each once.
func (c *Config) envFiles() []string {
	all := slices.Clone(c.EnvFile)
	for _, s := range c.Services {
		all = append(all, s.EnvFile...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Settings gives patterns of the files of settings below a service's source, which are
// no artefacts.
func (c *Config) Settings(s *Service) []string {
	var all []string
	for _, name := range c.envFiles() {
		if below, err := filepath.Rel(s.Source, name); err == nil && filepath.IsLocal(below) {
			all = append(all, strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(below))
		}
	}
	return all
}

// readEnvFile reads a file of settings.
func readEnvFile(name, share string) ([]byte, error) {
	f, err := openEnvFile(name, share)
	if err == nil {
		defer f.Close()
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
			err = errors.New("not a regular file")
		}
	}
	var data []byte
	if err == nil {
		// Asks the other side of a share, even if the kernel believes that it knows.
		var st unix.Statx_t
		_ = unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_STATX_FORCE_SYNC, unix.STATX_BASIC_STATS, &st)
		data, err = io.ReadAll(io.LimitReader(f, maxBytes+1))
	}
	if err != nil {
		cause := err
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			cause = p.Err // the path is said already
		}
		return nil, failure(name, err, "read settings: %v; put a file of lines like NAME=value there, or mend env_file", cause)
	}
	return data, nil
}

// openEnvFile opens what need be no file yet. What lies in the share is written by
// others: no link is followed that leads out of it.
func openEnvFile(name, share string) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK // a FIFO would wait for a writer
	below, err := filepath.Rel(share, name)
	if err != nil || !filepath.IsLocal(below) {
		return os.OpenFile(name, flags, 0)
	}
	root, err := os.OpenRoot(share)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenFile(below, flags, 0)
}
