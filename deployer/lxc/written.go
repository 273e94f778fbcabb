package lxc

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"time"
)

// written looks how much is written to folders. They may hold a whole base, where a
// clone is one: so it looks less often the longer that takes.
type written struct {
	limit   int64 // bytes; 0: there is none
	folders []string

	begun  bool
	before int64 // bytes, when it looked first
	next   time.Time
}

func (w *written) tooMuch() bool {
	began := time.Now()
	if w.limit == 0 || began.Before(w.next) {
		return false
	}
	now := int64(0)
	for _, dir := range w.folders {
		now += taken(dir)
	}
	if !w.begun {
		w.begun, w.before = true, now
	}
	w.next = time.Now().Add(10 * time.Since(began))
	return now-w.before > w.limit
}

// taken is how many bytes of a disk a folder takes.
func taken(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += 512 * info.Sys().(*syscall.Stat_t).Blocks // stat(2)
			}
		}
		return nil // what goes meanwhile takes nothing
	})
	return bytes
}
