package base

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jarloop/jarloop/deployer/crash"
)

// errForeign says that a folder has a base's name but is not ours.
var errForeign = errors.New("not a base made by jarloop")

// markFile makes a container's folder ours.
const markFile = "jarloop-base.json"

// mark is what markFile says. It is written before anything else of a base
// and once more, with Complete set, after everything else.
type mark struct {
	Recipe    Recipe        `json:"recipe"`
	Hash      string        `json:"hash"`
	Container string        `json:"container"`
	Begun     time.Time     `json:"begun"`
	Took      time.Duration `json:"took_ns,omitempty"` // of a complete one
	Complete  bool          `json:"complete"`
}

// readMark gives the mark of the container's folder dir. No mark is
// fs.ErrNotExist; one that cannot be parsed, or is another container's, is
// errForeign.
func readMark(dir string) (mark, error) {
	file := filepath.Join(dir, markFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return mark{}, err
	}
	var m mark
	if err := json.Unmarshal(text, &m); err != nil {
		return mark{}, fmt.Errorf("read %s: %w: %w", file, errForeign, err)
	}
	if m.Container != filepath.Base(dir) || m.Hash == "" {
		return mark{}, fmt.Errorf("read %s: %w: it is that of another container, %q", file, errForeign, m.Container)
	}
	return m, nil
}

func writeMark(dir string, m mark) error {
	defer crash.Point("mark base")()
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false) // people read run lines in it
	if err := enc.Encode(m); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, markFile), text.Bytes(), 0o644)
}

// ready says whether the container's folder dir holds a complete base with
// this hash. It costs a read and a stat.
func ready(dir, hash string) bool {
	m, err := readMark(dir)
	if err != nil || !m.Complete || m.Hash != hash {
		return false
	}
	return onDisk(configOf(dir))
}

// owned says whether the folder of a container is there and ours. One that is
// there and not ours is an error.
func owned(dir string) (bool, error) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	_, err := readMark(dir)
	if err != nil && lockMarked(dir) {
		return true, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("%s: %w; if nobody needs it: lxc-destroy -P %s -n %s, or remove the folder",
			dir, errForeign, filepath.Dir(dir), filepath.Base(dir))
	}
	return err == nil, err
}
