package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// both runs a test with the events of inotify, and on a share that inotify
// cannot see. In the test, theirs is the folder of the service as the other
// side writes it.
func both(t *testing.T, test func(t *testing.T, r *rig, theirs string), setups ...setup) {
	t.Run("with inotify", func(t *testing.T) {
		t.Parallel()
		eventsOnly := func(o *Options, _ *Service) { o.Mode, o.Rescan = Inotify, time.Hour }
		r := start(t, t.TempDir(), append(setups, eventsOnly)...)
		test(t, r, r.dir())
	})
	t.Run("on a share", func(t *testing.T) {
		t.Parallel()
		s := newShare(t)
		r := start(t, s.seen, append([]setup{intolerant}, setups...)...)
		test(t, r, filepath.Join(s.theirs, "volume-app"))
	})
}

func TestANewJARIsTold(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		first, second := jar(t, "one"), jar(t, "the second")
		began := time.Now()
		write(t, filepath.Join(theirs, "app.jar"), first)
		set := r.ready()
		has(t, set, map[string][]byte{"app.jar": first})
		if set.Service != "app" || len(set.ID) != 64 || filepath.Base(set.Dir) != set.ID {
			t.Errorf("set is %+v", set)
		}
		if set.Seen.Before(began) || set.Seen.After(time.Now()) {
			t.Errorf("seen at %v, which is not since %v", set.Seen, began)
		}
		write(t, filepath.Join(theirs, "app.jar"), second)
		has(t, r.ready(), map[string][]byte{"app.jar": second})
		has(t, set, map[string][]byte{"app.jar": first}) // unchanged by it
	})
}

func TestTouchedBytesAreSilence(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		name := filepath.Join(theirs, "app.jar")
		write(t, name, jar(t, "one"))
		first := r.ready()
		home := filepath.Dir(first.Dir)
		before, err := os.Stat(home)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a copy for comparison", func() bool { // has come and gone
			now, err := os.Stat(home)
			left, err2 := os.ReadDir(home)
			return err == nil && err2 == nil && len(left) == 1 && !now.ModTime().Equal(before.ModTime())
		})
		write(t, name, jar(t, "another"))
		if next := r.ready(); next.ID == first.ID {
			t.Error("the next set reported is the same one")
		}
	})
}

func TestNewBytesOfTheSameSizeAndTimeAreTold(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		name := filepath.Join(theirs, "app.jar")
		write(t, name, jar(t, "one"))
		first := r.ready()
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, name, jar(t, "two"))
		if err := os.Chtimes(name, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		second := r.next(Ready).Set // no Changed: names and sizes are the same
		if second.ID == first.ID {
			t.Error("the new bytes have the old ID")
		}
		has(t, second, map[string][]byte{"app.jar": jar(t, "two")})
	})
}

func TestATruncatedJARIsRefusedOnceAndDeployedWhenWhole(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		name, whole := filepath.Join(theirs, "app.jar"), jar(t, "some text")
		write(t, name, whole[:len(whole)-30])
		contains(t, r.refused(), "app.jar", "cut short", "build it again")
		write(t, name, whole)
		has(t, r.ready(), map[string][]byte{"app.jar": whole})
	})
}

func TestASlowWriterIsWaitedFor(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		whole := jar(t, "text that takes its time to arrive")
		if err := os.MkdirAll(theirs, 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(theirs, "app.jar"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		written := make(chan error, 1)
		go func() {
			pause := time.NewTicker(80 * time.Millisecond) // longer than files have to be still
			defer pause.Stop()
			for part := range slices.Chunk(whole, len(whole)/5) {
				if _, err := f.Write(part); err != nil {
					written <- err
					return
				}
				<-pause.C
			}
			written <- nil
		}()
		has(t, r.ready(), map[string][]byte{"app.jar": whole})
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	})
}

func TestAPreallocatedJARIsTakenWithItsFinalBytes(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		name, whole := filepath.Join(theirs, "app.jar"), jar(t, "filled from the end to the beginning")
		hollow := make([]byte, len(whole))
		half := len(whole) - len(whole)/2
		copy(hollow[half:], whole[half:])
		write(t, name, hollow)
		r.next(Changed)
		contains(t, r.next(Refused).Reason, "app.jar")
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(whole[:half]); err != nil {
			t.Fatal(err)
		}
		has(t, r.next(Ready).Set, map[string][]byte{"app.jar": whole})
	})
}

func TestADeletedJARIsNoChange(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		name := filepath.Join(theirs, "app.jar")
		write(t, name, jar(t, "one"))
		write(t, filepath.Join(theirs, "config.yml"), []byte("a: 1\n"))
		first := r.ready()
		if len(first.Files) < 2 { // the JAR was still before the other came
			first = r.ready()
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		write(t, name, jar(t, "other"))
		if next := r.ready(); len(next.Files) != 2 || next.ID == first.ID {
			t.Errorf("after the JAR came back the set is %+v", next)
		}
	})
}

func TestAFolderMayGoAndComeBack(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		write(t, filepath.Join(theirs, "app.jar"), jar(t, "one"))
		r.ready()
		if err := os.RemoveAll(theirs); err != nil {
			t.Fatal(err)
		}
		contains(t, r.next(Degraded).Reason, r.dir(), "is not there")
		write(t, filepath.Join(theirs, "app.jar"), jar(t, "after"))
		r.next(Restored)
		has(t, r.ready(), map[string][]byte{"app.jar": jar(t, "after")})
		write(t, filepath.Join(theirs, "app.jar"), jar(t, "once more"))
		has(t, r.ready(), map[string][]byte{"app.jar": jar(t, "once more")})
	}, func(o *Options, _ *Service) { o.tolerance = 500 * time.Millisecond })
}

func TestSubfoldersAreFollowedAsTheyAppear(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		write(t, filepath.Join(theirs, "app.jar"), jar(t, "one"))
		r.ready()
		write(t, filepath.Join(theirs, "conf", "deep", "a.yml"), []byte("a: 1\n"))
		r.ready()
		write(t, filepath.Join(theirs, "conf", "deep", "a.yml"), []byte("a: 22\n"))
		has(t, r.ready(), map[string][]byte{"app.jar": jar(t, "one"), "conf/deep/a.yml": []byte("a: 22\n")})
	})
}

func TestAShareMayBeUnmountedAndMountedAgain(t *testing.T) {
	t.Parallel()
	s := newShare(t)
	r := start(t, s.seen, intolerant)
	write(t, filepath.Join(s.theirs, "volume-app", "app.jar"), jar(t, "one"))
	r.ready()
	s.unmount()
	contains(t, r.next(Degraded).Reason, "is not there", "mount the share")
	write(t, filepath.Join(s.theirs, "volume-app", "app.jar"), jar(t, "while away"))
	s.mount()
	r.next(Restored)
	has(t, r.ready(), map[string][]byte{"app.jar": jar(t, "while away")})
}

func TestAnUnmountedServiceFolderIsNotTakenForDeletion(t *testing.T) {
	t.Parallel()
	s := newShare(t)
	r := start(t, filepath.Dir(s.seen), intolerant, func(_ *Options, svc *Service) { svc.Dir = s.seen })
	write(t, filepath.Join(s.theirs, "app.jar"), jar(t, "one"))
	r.ready()
	s.unmount() // leaves an empty folder of another file system
	contains(t, r.next(Degraded).Reason, "is empty", "mount it again")
	s.mount()
	r.next(Restored)
	write(t, filepath.Join(s.theirs, "app.jar"), jar(t, "next"))
	has(t, r.ready(), map[string][]byte{"app.jar": jar(t, "next")})
}

func TestChoiceSaysWhy(t *testing.T) {
	s := newShare(t)
	for root, want := range map[string]Mode{s.seen: Poll, s.theirs: Inotify, filepath.Join(s.theirs, "none"): Auto} {
		w, err := New(Options{Root: root, Store: filepath.Join(t.TempDir(), "store")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		mode, reason := w.Choice()
		if mode != want {
			t.Errorf("for %s the choice is %s (%s), want %s", root, mode, reason, want)
		}
		contains(t, reason, root)
		if want == Poll {
			contains(t, reason, "fuse", "inotify cannot see")
		}
	}
}
