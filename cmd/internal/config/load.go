package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// The places where Find looks when it is given none.
var usual = []string{"config.toml", "/etc/jarloop/config.toml"}

// Find gives the configuration file to use: the explicit one as it is, else
// config.toml in the working folder, else /etc/jarloop/config.toml. If none is there
// the *Error says where it looked and how to make one.
func Find(explicit string) (string, error) {
	if explicit != "" {
		return explicit, nil
	}
	return find(usual)
}

func find(candidates []string) (string, error) {
	for _, path := range candidates {
		// What exists but cannot be read is chosen too: to pass over it would run
		// another system than the one meant. Load says what is wrong with it.
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", failure(candidates[0], fs.ErrNotExist, "no configuration here, nor at %s; "+
		`write one with jarloop init, copy the config.toml that comes with jarloop, or name one with --config FILE`, listed(candidates[1:], "nor"))
}

// Default is what an empty file would say, if one could do without services.
func Default() *Config {
	c, r, t := &Config{}, &report{}, grow(nil)
	r.fill(t.root, c.keys())
	c.complete(t.root)
	return c
}

// Load reads, decodes and checks a configuration, but not the files of settings that it
// names. Every error is an *Error.
func Load(path string) (*Config, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Read gives the content of a configuration, for Parse. Every error is an *Error.
func Read(path string) ([]byte, error) {
	// O_NONBLOCK: opening a FIFO would otherwise wait for a writer, see fifo(7).
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err // the path is said already
		}
		remedy := "check --config and the permissions"
		if errors.Is(err, fs.ErrNotExist) {
			remedy = `write one with jarloop init, copy the config.toml that comes with jarloop, or name another with --config FILE`
		}
		return nil, failure(path, err, "read configuration: %v; %s", err, remedy)
	}
	defer func() { _ = f.Close() }() // only read: nothing to lose
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, failure(path, err, "read configuration: not a regular file; name a TOML file with --config FILE")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, failure(path, err, "read configuration: %v", err)
	}
	return data, nil
}
