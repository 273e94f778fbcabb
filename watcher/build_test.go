package watcher

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// once makes sure that what do writes is reported as one set, and gives that.
func once(t *testing.T, r *rig, do func(), want map[string][]byte) Event {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	defer func() { <-done }()
	var last Event
	for sets := 0; ; {
		select {
		case e := <-r.events:
			switch e.Kind {
			case Ready:
				sets, last = sets+1, e
			case Changed:
			default:
				t.Fatalf("reported %+v", e)
			}
		case <-time.After(deadline):
			t.Fatal("the set is not reported")
		}
		if sets > 1 {
			t.Fatalf("reported as %d sets, the last with changes %+v", sets, last.Changes)
		}
		if sets == 1 {
			<-done
			has(t, last.Set, want)
			return last
		}
	}
}

// bothEmpty is both with a watcher that has seen that there is nothing yet.
func bothEmpty(t *testing.T, test func(t *testing.T, r *rig, theirs string), setups ...setup) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		must(t, r.w.Resend())
		contains(t, r.next(Refused).Reason, "is not there")
		test(t, r, theirs)
	}, append(setups, func(o *Options, _ *Service) { o.tolerance = deadline })...)
}

func TestOneBuildIsOneSet(t *testing.T) {
	// Time enough for a machine that is busy with other tests.
	anyFiles := func(o *Options, s *Service) { o.Settle, s.Runs = 200*time.Millisecond, "" }
	folder := func(text string, n int) map[string][]byte { // of a Quarkus build
		all := map[string][]byte{"quarkus-run.jar": jar(t, text), "app/app.jar": zipOf(t, "a", text)}
		for i := range n {
			all[fmt.Sprintf("lib/main/lib-%03d.jar", i)] = zipOf(t, "l", text)
		}
		return all
	}
	put := func(dir string, files map[string][]byte, last string, pause time.Duration) {
		for name, data := range files {
			if name != last {
				write(t, filepath.Join(dir, name), data)
				time.Sleep(pause)
			}
		}
		if last != "" {
			write(t, filepath.Join(dir, last), files[last])
		}
	}

	t.Run("a folder that is deleted and written anew", func(t *testing.T) {
		bothEmpty(t, func(t *testing.T, r *rig, theirs string) {
			for _, text := range []string{"one", "the second"} {
				files := folder(text, 125)
				once(t, r, func() {
					must(t, os.RemoveAll(theirs))
					put(theirs, files, "quarkus-run.jar", 4*time.Millisecond)
				}, files)
			}
		})
	})

	t.Run("classes, one after the other", func(t *testing.T) {
		bothEmpty(t, func(t *testing.T, r *rig, theirs string) {
			for _, text := range []string{"one", "the second"} {
				files := map[string][]byte{}
				for i := range 8 {
					files[fmt.Sprintf("classes/C%d.class", i)] = []byte(text)
				}
				once(t, r, func() { put(theirs, files, "", 250*time.Millisecond) }, files)
			}
		}, anyFiles)
	})

	t.Run("rsync of many files", func(t *testing.T) {
		if _, err := exec.LookPath("rsync"); err != nil {
			t.Skip("rsync is not installed")
		}
		bothEmpty(t, func(t *testing.T, r *rig, theirs string) {
			for _, text := range []string{"one", "the second"} {
				from, files := t.TempDir(), map[string][]byte{}
				for i := range 300 {
					files[fmt.Sprintf("classes/p%d/C%03d.class", i%7, i)] = []byte(text)
				}
				put(from, files, "", 0)
				once(t, r, func() {
					out, err := exec.Command("rsync", "-a", "--bwlimit=200", from+"/", theirs+"/").CombinedOutput()
					if err != nil {
						t.Errorf("rsync: %v: %s", err, out)
					}
				}, files)
			}
		}, anyFiles)
	})

	t.Run("a JAR in eight pieces", func(t *testing.T) {
		bothEmpty(t, func(t *testing.T, r *rig, theirs string) {
			whole := jar(t, "text that takes its time to arrive, and arrives")
			once(t, r, func() {
				must(t, os.MkdirAll(theirs, 0o755))
				f, err := os.Create(filepath.Join(theirs, "app.jar"))
				must(t, err)
				defer f.Close()
				for i := range 8 {
					_, err := f.Write(whole[i*len(whole)/8 : (i+1)*len(whole)/8])
					must(t, err)
					time.Sleep(400 * time.Millisecond)
				}
			}, map[string][]byte{"app.jar": whole})
		})
	})

	t.Run("a build's own folder", func(t *testing.T) {
		// What mvn clean package does in target: it removes the folder, compiles, makes
		// a JAR of the classes, moves that away and makes one with the libraries.
		s := newShare(t)
		r := start(t, s.seen, func(o *Options, svc *Service) { svc.Files, o.tolerance = []string{"*.jar"}, deadline })
		target := filepath.Join(s.theirs, "volume-app")
		for _, text := range []string{"one", "the second"} {
			fat := zipOf(t, "META-INF/MANIFEST.MF", "Main-Class: app.Main\n\n", "lib", string(make([]byte, 20_000)), "text", text)
			if text == "one" {
				write(t, filepath.Join(target, "app-1.jar"), fat)
				has(t, r.ready(), map[string][]byte{"app-1.jar": fat})
				continue
			}
			once(t, r, func() {
				must(t, os.RemoveAll(target))
				time.Sleep(200 * time.Millisecond)
				write(t, filepath.Join(target, "classes", "Main.class"), []byte(text))
				time.Sleep(300 * time.Millisecond)
				write(t, filepath.Join(target, "app-1.jar"), jar(t, text)) // whole, with a Main-Class
				time.Sleep(500 * time.Millisecond)
				must(t, os.Rename(filepath.Join(target, "app-1.jar"), filepath.Join(target, "app-1.jar.original")))
				time.Sleep(100 * time.Millisecond)
				write(t, filepath.Join(target, "app-1.jar"), fat[:10_000])
				time.Sleep(100 * time.Millisecond)
				write(t, filepath.Join(target, "app-1.jar"), fat)
			}, map[string][]byte{"app-1.jar": fat})
		}
		first := r.w
		write(t, filepath.Join(target, "classes", "Other.class"), []byte("mvn compile"))
		must(t, first.Resend())
		if e := r.next(Ready); len(e.Changes) > 0 {
			t.Errorf("compiling alone changes %+v", e.Changes)
		}
	})
}

func TestAChangeIsToldWithTheSizeOfWhatIsDeployed(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		name, whole := filepath.Join(theirs, "app.jar"), jar(t, "text")
		write(t, name, nil)
		if e := r.next(Changed); len(e.Changes) != 1 || e.Changes[0].Size != 0 {
			t.Errorf("at first there is %+v", e.Changes)
		}
		write(t, name, whole)
		if e := r.next(Ready); len(e.Changes) != 1 || e.Changes[0] != (Change{"app.jar", int64(len(whole))}) {
			t.Errorf("the set's changes are %+v, want the whole JAR of %d bytes", e.Changes, len(whole))
		}
		write(t, name, jar(t, "next"))
		if e := r.next(Ready); len(e.Changes) != 1 { // of the same size, and a change
			t.Errorf("the changes of new bytes are %+v", e.Changes)
		}
	})
}

// One JAR that is written in one go waits no longer than files have to be still.
func TestOneJARIsTakenAtOnce(t *testing.T) {
	b := burst{}
	now := time.Now()
	was := snapshot{}
	for i := range 20 { // it grows while it is looked at
		is := snapshot{entries: []entry{{name: "app.jar", fingerprint: fingerprint{size: int64(i)}}}}
		b.note(now, was, is)
		now, was = now.Add(time.Duration(i)*time.Millisecond), is
	}
	if need := b.need(20 * time.Millisecond); need != 20*time.Millisecond {
		t.Errorf("it has to be still for %v", need)
	}
}
