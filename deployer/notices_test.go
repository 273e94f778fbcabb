package deployer

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNoticesTellOfTheirFileAlone(t *testing.T) {
	n := newNotices()
	n.start(t.Context())
	n.ticks.Stop()
	dir := t.TempDir()
	out, endOut := n.of(filepath.Join(dir, "out"))
	exit, endExit := n.of(filepath.Join(dir, "exit"))

	write(t, filepath.Join(dir, "exit.tmp"))
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
	write(t, filepath.Join(dir, "out"))
	write(t, filepath.Join(dir, "exit"))
	<-exit
	select {
	case <-out:
		t.Error("out is not waited for any more")
	default:
	}
	endExit()
	if got := n.watcher.WatchList(); len(got) != 0 {
		t.Errorf("still watched: %q", got)
	}
}

func TestWithoutNoticesTheClockWillDo(t *testing.T) {
	n := newNotices()
	n.start(t.Context())
	out, end := n.of(filepath.Join(t.TempDir(), "missing", "out")) // cannot be watched
	defer end()
	<-out
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}
