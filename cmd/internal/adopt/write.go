package adopt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/google/renameio/v2"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/join"
	"github.com/jarloop/jarloop/deployer/base"
	"github.com/jarloop/jarloop/network"
)

// Options say what is written beside what lies in a folder.
type Options struct {
	With    []string      // servers that its services use
	Force   bool          // a file that is there is written anew
	Cluster *join.Cluster // that makes the containers; this machine joins it then
}

// Write writes a configuration from what lies in dir to the file output, or to out if that
// is "-", and tells warnings what there is to know of it.
func Write(ctx context.Context, dir, output string, o Options, out, warnings io.Writer) error {
	there := func() error {
		return exit.Usagef("%s is there already, and stays as it is: write another with -o FILE, or this one anew with --force", output)
	}
	if _, err := os.Lstat(output); err == nil && output != "-" && !o.Force {
		return there()
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return exit.Usagef("%s is a file: name the folder that it lies in", dir)
	}
	layout, err := Read(dir)
	switch {
	case errors.Is(err, ErrNothing):
		layout.warn(warnings)
		return exit.AsUsage(err)
	case errors.Is(err, fs.ErrNotExist):
		return exit.Usagef("%w: name the folder that your build writes to, or mount it", err)
	}
	if err == nil {
		layout.Cluster = o.Cluster
		err = layout.With(o.With)
	}
	if err != nil {
		return err
	}
	c, err := config.Parse(output, []byte(layout.TOML()))
	if err != nil {
		return fmt.Errorf("what lies in %s gives no configuration that works; nothing is written: %w", dir, err)
	}
	layout.Interface = interfaceOf(network.DefaultInterface(), network.Interfaces, c.LXC.Bridge)
	layout.Unprivileged = o.Cluster == nil && base.Unprivileged(c.LXC.Path) == nil
	if o.Cluster != nil { // now that all else is known to work
		if err := o.Cluster.Join(ctx); err != nil {
			return err
		}
	}
	text, mode := layout.TOML(), fs.FileMode(0o644)
	if len(layout.with) > 0 {
		mode = 0o600 // there are passwords in it
	}
	layout.warn(warnings)
	switch {
	case output == "-":
		_, err := fmt.Fprint(out, text)
		return err
	case o.Force:
		err = renameio.WriteFile(output, []byte(text), mode)
	default:
		err = writeNew(output, text, mode)
	}
	if errors.Is(err, fs.ErrExist) {
		return there()
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "wrote %s with %s; look at its lines with GUESS, then: %s\n",
		output, strings.Join(layout.names(), ", "), next(output, os.Args[0], unitFiles))
	return err
}

// interfaceOf gives the interface to publish on where that of the default route, which
// is the usual one, is not there: the first but the loopback and the bridge.
func interfaceOf(usual string, all func() ([]string, error), bridge string) string {
	if usual != "" {
		return ""
	}
	names, _ := all() // without any the agent says so
	names = slices.DeleteFunc(names, func(name string) bool { return name == "lo" || name == bridge })
	return append(names, "")[0]
}

// warn says what there is to know of what was read.
func (l *Layout) warn(warnings io.Writer) {
	for _, note := range l.Notes {
		fmt.Fprintln(warnings, "jarloop: "+console.Plain(note))
	}
}

// unitFiles is where a package and "make install" put the unit.
var unitFiles = []string{"/usr/lib/systemd/system/jarloop.service", "/lib/systemd/system/jarloop.service",
	"/usr/local/lib/systemd/system/jarloop.service", "/etc/systemd/system/jarloop.service"}

// usualFile is the configuration that the unit names.
const usualFile = "/etc/jarloop/config.toml"

// next gives what to type when a configuration is written: where the unit is
// installed, it runs; else the program does, by the name that it was called by.
func next(output, program string, units []string) string {
	installed := slices.ContainsFunc(units, func(name string) bool { _, err := os.Stat(name); return err == nil })
	switch file, _ := filepath.Abs(output); {
	case installed && file == usualFile:
		return "sudo systemctl enable --now jarloop"
	case installed:
		return "sudo install -D -m 644 " + shellescape.Quote(output) + " " + usualFile + " && sudo systemctl enable --now jarloop"
	}
	run := "sudo " + shellescape.Quote(program) + " run"
	if output != "config.toml" {
		run += " --config " + shellescape.Quote(output)
	}
	return run
}

// writeNew writes a file that must not be there yet, whole or not at all.
func writeNew(name, text string, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}
