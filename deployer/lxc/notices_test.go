//go:build cgo

package lxc

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestNoticesTellOfTheirFileAlone(t *testing.T) {
	n := newNotices(time.Hour)
	defer n.close()
	dir := t.TempDir()
	out, endOut := n.of(filepath.Join(dir, "out"))
	exit, endExit := n.of(filepath.Join(dir, "exit"))

	writeFile(t, filepath.Join(dir, "exit.tmp"), "hello\n")
	if err := os.Rename(filepath.Join(dir, "exit.tmp"), filepath.Join(dir, "exit")); err != nil {
		t.Fatal(err)
	}
	<-exit
	select {
	case <-out:
		t.Error("out was not touched")
	default:
	}

	endOut()
	writeFile(t, filepath.Join(dir, "out"), "hello\n")
	writeFile(t, filepath.Join(dir, "exit"), "hello\n")
	<-exit
	select {
	case <-out:
		t.Error("out is not waited for any more")
	default:
	}
	endExit()
	eventually(t, "nothing is watched any more", func() bool { return len(n.watcher.WatchList()) == 0 })
}

func TestWithoutNoticesTheClockWillDo(t *testing.T) {
	n := newNotices(time.Hour)
	defer n.close()
	out, end := n.of(filepath.Join(t.TempDir(), "missing", "out")) // cannot be watched
	defer end()
	<-out
}
