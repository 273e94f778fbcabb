package watcher

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What only unpacking shows is said to whoever has begun to deploy, then the files
// are awaited, and refused in the end. Nothing is kept of them.
func TestWhatOnlyUnpackingShowsIsWithdrawnThenRefused(t *testing.T) {
	whole := jar(t, "some text")
	root := t.TempDir()
	name := filepath.Join(root, "volume-app", "app.jar")
	write(t, name, spoil(whole, "some text", "sore text"))
	r := start(t, root, func(o *Options, _ *Service) { o.Patience = 50 * time.Millisecond })
	set := r.ready()
	err := set.Reading.Wait(t.Context())
	if !errors.Is(err, ErrUnsound) {
		t.Fatalf("its reading gave %v", err)
	}
	contains(t, err.Error(), "app.jar", "wrong checksum", "build it again")
	if e := r.next(Unsound); e.Set.ID != set.ID {
		t.Errorf("withdrawn is %+v", e.Set)
	}
	contains(t, r.next(Refused).Reason, "app.jar", "wrong checksum", "build it again")
	left, err := filepath.Glob(filepath.Join(r.w.options.Store, "*", "*"))
	marks, errMarks := filepath.Glob(filepath.Join(r.w.options.Store, "*", ".*"))
	if err := errors.Join(err, errMarks); err != nil || len(left)+len(marks) > 0 {
		t.Errorf("kept: %v %v, %v", left, marks, err)
	}

	must(t, r.w.Resend()) // the same bytes are known
	contains(t, r.next(Refused).Reason, "wrong checksum")

	write(t, name, jar(t, "other text"))
	must(t, r.ready().Reading.Wait(t.Context()))
	must(t, os.Remove(name)) // of the same size and bytes again
	write(t, name, spoil(whole, "some text", "sore text"))
	contains(t, r.refused(), "wrong checksum")
}

// A file whose middle comes after its end is one deploy of the whole: nobody hears
// that it was refused.
func TestAFileWhoseMiddleComesLastIsNotRefused(t *testing.T) {
	both(t, func(t *testing.T, r *rig, theirs string) {
		whole := jar(t, strings.Repeat("the middle of it ", 1000))
		hole := bytes.Clone(whole)
		at := len(hole) / 3
		clear(hole[at : at+4096])
		name := filepath.Join(theirs, "app.jar")
		write(t, name, hole)
		set := r.ready()
		r.next(Unsound)
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteAt(whole[at:at+4096], int64(at))
		must(t, errors.Join(err, f.Close()))
		e := r.next(Ready)
		if e.Set.ID == set.ID {
			t.Fatal("what is not whole is reported again")
		}
		has(t, e.Set, map[string][]byte{"app.jar": whole})
		must(t, e.Set.Reading.Wait(t.Context()))
	})
}

// A set that was not read to its end before the agent was killed is not taken for
// whole by the next.
func TestASetThatWasNotReadToItsEndIsReadByTheNext(t *testing.T) {
	root, store := t.TempDir(), filepath.Join(t.TempDir(), "store")
	name := filepath.Join(root, "volume-app", "app.jar")
	write(t, name, jar(t, "one"))
	at := func(o *Options, _ *Service) { o.Store = store }
	r := start(t, root, at)
	set := r.ready()
	must(t, set.Reading.Wait(t.Context()))
	r.stop()

	r = start(t, root, at)
	if again := r.ready(); again.ID != set.ID || again.Reading != nil {
		t.Errorf("what was read is read again: %+v", again)
	}
	r.stop()

	must(t, mark(set.Dir)) // as if killed meanwhile
	if _, err := Load(store, "app", set.ID); err == nil {
		t.Error("it is loaded")
	}
	r = start(t, root, at)
	again := r.ready()
	if again.Reading == nil {
		t.Fatal("it is taken for whole")
	}
	must(t, again.Reading.Wait(t.Context()))
	_, err := Load(store, "app", set.ID)
	must(t, err)
	must(t, mark(set.Dir))
	must(t, r.w.Prune("app", nil)) // it was reported last, so it stays
	must(t, Prune(store, "app", nil))
	if left, err := os.ReadDir(filepath.Join(store, "app")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What the outline of an archive shows is found before anything begins.
func TestTheOutlineShowsWhatIsMissing(t *testing.T) {
	whole := jar(t, "some text")
	noHeader := bytes.Clone(whole)
	clear(noHeader[bytes.LastIndex(noHeader, []byte("PK\x03\x04")):][:4])
	far := zipOf(t, "META-INF/MANIFEST.MF", "Main-Class: a\n", "a", "text")
	directory := bytes.LastIndex(far, []byte("PK\x01\x02"))
	copy(far[directory+20:], []byte{0xff, 0xff, 0xff, 0x00}) // its packed size
	for what, data := range map[string][]byte{
		"cut short": whole[:len(whole)-30], "without a header": noHeader, "beyond the end": far, "encrypted": flagged(whole), "a bomb": bomb(t),
	} {
		if err := checkOutline(t.Context(), bytes.NewReader(data), int64(len(data)), true); err == nil || notAboutIt(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, checkOutline(t.Context(), bytes.NewReader(whole), int64(len(whole)), true))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := checkOutline(ctx, bytes.NewReader(whole), int64(len(whole)), true); !notAboutIt(err) {
		t.Errorf("cancelled: %v", err)
	}
}

// An entry that is known byte for byte is not unpacked again; one that differs in
// its bytes alone is, whatever the table of contents says.
func TestOnlyWhatHasChangedIsUnpacked(t *testing.T) {
	old := zipOf(t, "META-INF/MANIFEST.MF", "Main-Class: a\n", "same", "same text", "other", "some text")
	known := func(data []byte) map[string]*zip.File {
		z, err := openJAR(bytes.NewReader(data), int64(len(data)))
		must(t, err)
		return byName(z.File)
	}
	spoiled := spoil(old, "some text", "sore text")
	if err := checkJAR(t.Context(), bytes.NewReader(spoiled), int64(len(spoiled)), true, known(old)); err == nil {
		t.Error("other bytes with the same checksum in the table are taken for the same")
	}
	// What is known is believed to be whole: that shows that it is not unpacked.
	must(t, checkJAR(t.Context(), bytes.NewReader(spoiled), int64(len(spoiled)), true, known(spoiled)))
	must(t, checkJAR(t.Context(), bytes.NewReader(old), int64(len(old)), true, known(old)))
}
