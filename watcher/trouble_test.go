package watcher

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// deaf makes a rig whose inotify adds no watch, so that nothing is noticed.
func deaf(t *testing.T, rescan time.Duration) *rig {
	t.Helper()
	root := t.TempDir()
	w := newOne(t, Options{Root: root, Mode: Inotify, Rescan: rescan})
	w.loop.notifier.add = func(string) error { return nil }
	write(t, filepath.Join(root, "volume-app", "app.jar"), jar(t, "one"))
	r := run(t, w, root)
	r.ready()
	return r
}

// newOne makes a watcher of the service "app".
func newOne(t *testing.T, o Options) *Watcher {
	t.Helper()
	if o.Store == "" {
		o.Store = filepath.Join(t.TempDir(), "store")
	}
	w, err := New(o, []Service{{Name: "app", Dir: filepath.Join(o.Root, "volume-app"), Runs: "*"}})
	must(t, err)
	return w
}

func TestAnOverflowOfTheQueueIsALookAtEverything(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := newOne(t, Options{Root: root, Mode: Inotify, Rescan: time.Hour})
	source := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
	w.loop.notifier.add = func(string) error { return nil }
	w.loop.notifier.reading.Go(func() { w.loop.notifier.read(source) })
	write(t, filepath.Join(root, "volume-app", "app.jar"), jar(t, "one"))
	r := run(t, w, root)
	r.ready()
	write(t, r.dir("app.jar"), jar(t, "lost in the overflow"))
	source.Errors <- fsnotify.ErrEventOverflow
	r.ready()
}

func TestAStormOfEventsEndsWithTheNewestBytes(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	name := filepath.Join(root, "volume-app", "a.txt")
	write(t, name, []byte("calm"))
	r := start(t, root, func(o *Options, s *Service) { o.Mode, o.Rescan, s.Runs = Inotify, time.Hour, "" })
	r.ready()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	defer f.Close()
	for range 20_000 { // more than the queue holds
		_, err := f.Write([]byte("."))
		must(t, err)
	}
	want, err := os.Stat(name)
	must(t, err)
	for reported := 0; ; reported++ {
		if set := r.ready(); set.Files[0].Size == want.Size() {
			t.Logf("%d sets on the way", reported)
			return
		}
	}
}

func TestLostEventsAreMadeUpForByTheSlowTimer(t *testing.T) {
	t.Parallel()
	r := deaf(t, 100*time.Millisecond)
	write(t, r.dir("app.jar"), jar(t, "never noticed"))
	r.ready()
}

func TestALimitOfInotifyTurnsToPollingAndNamesTheSetting(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"watches":   {unix.ENOSPC, "fs.inotify.max_user_watches"},
		"instances": {unix.EMFILE, "fs.inotify.max_user_instances"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			var mu sync.Mutex
			limit := test.err
			w := newOne(t, Options{Root: root, Mode: Inotify, Rescan: 300 * time.Millisecond})
			w.loop.notifier.add = func(string) error {
				mu.Lock()
				defer mu.Unlock()
				return limit
			}
			must(t, os.Mkdir(filepath.Join(root, "volume-app"), 0o755))
			r := run(t, w, root)
			e := r.next(Degraded)
			contains(t, e.Reason, test.want, "polling")
			if e.Service != "" {
				t.Errorf("it is of service %q, want the whole watcher", e.Service)
			}
			write(t, r.dir("app.jar"), jar(t, "found by polling"))
			r.ready()
			mu.Lock()
			limit = nil
			mu.Unlock()
			r.next(Restored)
		})
	}
}

func TestAShareMountedLaterIsPolledEvenSo(t *testing.T) {
	t.Parallel()
	s := newShare(t)
	s.unmount()
	r := start(t, s.seen, intolerant, func(o *Options, _ *Service) { o.Rescan = time.Hour })
	contains(t, r.next(Degraded).Reason, "is not there")
	must(t, os.Mkdir(filepath.Join(s.theirs, "volume-app"), 0o755))
	s.mount()
	r.next(Restored)
	write(t, filepath.Join(s.theirs, "volume-app", "app.jar"), jar(t, "one")) // no event of inotify
	r.ready()
}

func TestAFullStoreIsSaidAndRecoversByItself(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	store := filepath.Join(t.TempDir(), "store")
	must(t, os.Mkdir(store, 0o700))
	must(t, unix.Mount("jlt-watcher", store, "tmpfs", 0, "size=64k,mode=0700"))
	t.Cleanup(func() { must(t, unix.Unmount(store, unix.MNT_DETACH)) })
	root := t.TempDir()
	data := jar(t, strings.Repeat("x", 200_000))
	write(t, filepath.Join(root, "volume-app", "app.jar"), data)
	r := run(t, newOne(t, Options{Root: root, Store: store, tolerance: 200 * time.Millisecond}), root)
	r.next(Changed)
	contains(t, r.next(Degraded).Reason, store, "no space left")
	must(t, unix.Mount("", store, "", unix.MS_REMOUNT, "size=4m"))
	r.next(Restored)
	has(t, r.next(Ready).Set, map[string][]byte{"app.jar": data})
	r.stop()
	left, err := filepath.Glob(filepath.Join(store, "app", incoming+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("half-made copies stay: %v, %v", left, err)
	}
}

// A copy that could not be removed when it had failed, for want of descriptors
// for one, does not stay until the next start.
func TestAHalfMadeCopyIsRemovedByTheNext(t *testing.T) {
	t.Parallel()
	root, store := t.TempDir(), filepath.Join(t.TempDir(), "store")
	name := filepath.Join(root, "volume-app", "app.jar")
	write(t, name, jar(t, "one"))
	r := run(t, newOne(t, Options{Root: root, Store: store}), root)
	r.ready()
	left := filepath.Join(store, "app", incoming+"1", "app.jar")
	write(t, left, []byte("half"))
	write(t, name, jar(t, "another"))
	r.ready()
	r.stop()
	if _, err := os.Stat(filepath.Dir(left)); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestChoosing(t *testing.T) {
	for _, test := range []struct {
		fstype string
		magic  int64
		want   Mode
		word   string
	}{
		{"ext4", 0xef53, Inotify, "ext4"},
		{"xfs", 0x58465342, Inotify, "xfs"},
		{"tmpfs", 0x01021994, Inotify, "tmpfs"},
		{"overlay", 0x794c7630, Inotify, "overlay"},
		{"", 0x9123683e, Inotify, "of type 0x9123683e"},
		{"nfs4", 0x6969, Poll, "nfs4"},
		{"vboxsf", 0x6969, Poll, "vboxsf"},
		{"vboxsf", 0x786f4256, Poll, "vboxsf"},
		{"cifs", 0xFF534D42, Poll, "cifs"},
		{"smb3", 0xFE534D42, Poll, "smb3"},
		{"", 0x517B, Poll, "smb"},
		{"", -11317950, Poll, "cifs"}, // 0xFF534D42 where f_type is a signed 32 bits
		{"9p", 0x01021997, Poll, "9p"},
		{"virtiofs", 0x65735546, Poll, "virtiofs"},
		{"fuse.bindfs", 0x65735546, Poll, "fuse.bindfs"},
		{"fuse.vmhgfs-fuse", 0, Poll, "fuse.vmhgfs-fuse"},
		{"", 0x65735546, Poll, "fuse"},
		{"vmhgfs", 0xbacbacbc, Poll, "vmhgfs"},
		{"prl_fs", 0x7c7c6673, Poll, "prl_fs"},
	} {
		if mode, reason := choose(test.fstype, test.magic); mode != test.want || !strings.HasPrefix(reason, test.word) {
			t.Errorf("%q 0x%x: %s (%s), want %s (%s…)", test.fstype, test.magic, mode, reason, test.want, test.word)
		}
	}
}

func TestTheTypeIsFoundInTheTableOfMounts(t *testing.T) {
	table := `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
36 22 0:44 / /host\040share rw,nosuid shared:7 master:2 - fuse.bindfs /tmp/real rw,user_id=0
37 22 0:45 / /empty rw -
`
	for dev, want := range map[uint64]string{unix.Mkdev(254, 0): "ext4", unix.Mkdev(0, 44): "fuse.bindfs", unix.Mkdev(0, 45): "", unix.Mkdev(0, 4): ""} {
		if got := mountType(strings.NewReader(table), dev); got != want {
			t.Errorf("device %d is %q, want %q", dev, got, want)
		}
	}
}

func TestAnEventConcernsWhatItIsInOrAbove(t *testing.T) {
	for path, want := range map[string]bool{
		"": true, "/": true, "/host": true, "/host/volume-a": true, "/host/volume-a/x/y": true,
		"/host/volume-ab": false, "/host/other": false, "/hos": false,
	} {
		if got := concerns(path, "/host/volume-a"); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}

func TestErrorsOfTheShareAreToldAfterAWhileAndAnsweredAtOnce(t *testing.T) {
	now := time.Now()
	s := newState(Service{Name: "app", Dir: "/host/volume-app"}, matcher{}, Options{Root: "/host", Poll: time.Second, tolerance: tolerance}, now)
	events := func() []Event {
		defer func() { s.out = nil }()
		return s.out
	}
	s.looked(now, view{}, unix.EIO)
	if reported := events(); len(reported) != 0 {
		t.Fatalf("reported %+v at once", reported)
	}
	s.asked = true
	s.begin(now)
	s.looked(now, view{}, unix.EIO)
	if reported := events(); len(reported) != 1 || reported[0].Kind != Refused || !strings.Contains(reported[0].Reason, "input/output error") {
		t.Errorf("reported %+v, want a refusal", reported)
	}
	now = now.Add(tolerance)
	s.looked(now, view{}, unix.EIO)
	s.looked(now, view{}, errors.Join(unix.EIO))
	if reported := events(); len(reported) != 1 || reported[0].Kind != Degraded {
		t.Errorf("reported %+v, want %s", reported, Degraded)
	}
	s.looked(now, view{}, nil)
	s.looked(now, view{}, nil)
	if reported := events(); len(reported) != 1 || reported[0].Kind != Restored {
		t.Errorf("reported %+v, want %s", reported, Restored)
	}
}

func TestALimitOfInotifyEndsWithTheServiceThatMetIt(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := newOne(t, Options{Root: root, Mode: Inotify})
	w.loop.notifier.add = func(string) error { return unix.ENOSPC }
	must(t, os.Mkdir(filepath.Join(root, "volume-app"), 0o755))
	r := run(t, w, root)
	r.next(Degraded)
	must(t, w.Reconfigure(t.Context(), nil))
	if e := r.next(Restored); e.Service != "" {
		t.Errorf("it is of service %q, want the whole watcher", e.Service)
	}
}
