package adopt

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/deployer/base"
	"github.com/jarloop/jarloop/network"
)

// Write writes a configuration from what lies in dir to the file output, or to out
// if that is "-", and tells warnings what there is to know of it. A file that is
// there stays unless force says otherwise.
func Write(dir, output string, force bool, out, warnings io.Writer) error {
	there := func() error {
		return exit.Usagef("%s is there already, and stays as it is: write another with -o FILE, or this one anew with --force", output)
	}
	if _, err := os.Lstat(output); err == nil && output != "-" && !force {
		return there()
	}
	iface := network.DefaultInterface()
	if iface == "" {
		iface = "eth0"
	}
	layout, err := Read(dir, iface)
	switch {
	case errors.Is(err, ErrNothing):
		return exit.AsUsage(err)
	case errors.Is(err, fs.ErrNotExist):
		return exit.Usagef("%w: name the folder that your build writes to, or mount it", err)
	}
	if err != nil {
		return err
	}
	c, err := config.Parse(output, []byte(layout.TOML()))
	if err != nil {
		return fmt.Errorf("what lies in %s gives no configuration that works; nothing is written: %w", dir, err)
	}
	layout.Unprivileged = base.Unprivileged(c.LXC.Path) == nil
	text := layout.TOML()
	for _, note := range layout.Notes {
		fmt.Fprintln(warnings, "jarloop: "+console.Plain(note))
	}
	switch {
	case output == "-":
		_, err := fmt.Fprint(out, text)
		return err
	case force:
		err = renameio.WriteFile(output, []byte(text), 0o644)
	default:
		err = writeNew(output, text)
	}
	if errors.Is(err, fs.ErrExist) {
		return there()
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "wrote %s with %s; look at its lines with GUESS, then: sudo jarloop run --config %[1]s\n",
		output, strings.Join(layout.Services(), ", "))
	return err
}

// writeNew writes a file that must not be there yet, whole or not at all.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}
