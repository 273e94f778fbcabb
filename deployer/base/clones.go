package base

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// noClones is an ErrClones that names the clones, if there are any.
func noClones(dir string) error {
	on, err := clones(dir)
	if err != nil {
		return err
	}
	if len(on) > 0 {
		return fmt.Errorf("%w: %s", ErrClones, strings.Join(on, ", "))
	}
	return nil
}

// clones gives the containers that rest on the one in dir. liblxc writes two lines
// for each, the clone's lxc.path and its name; old versions wrote their number
// instead (lxccontainer.c, mod_rdep).
func clones(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "lxc_snapshots"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseClones(string(text)), nil
}

func parseClones(text string) []string {
	words := strings.Split(strings.TrimRight(text, "\n\x00"), "\n")
	if len(words) == 1 {
		if n := strings.TrimSpace(words[0]); n != "" && n != "0" {
			return []string{n + " of them"}
		}
		return nil
	}
	var names []string
	for i := 1; i < len(words); i += 2 {
		names = append(names, words[i])
	}
	return names
}
