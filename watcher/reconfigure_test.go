package watcher

import (
	"path/filepath"
	"testing"
)

func TestOtherServicesAreWatched(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "a", "A.jar"), jar(t, "a"))
	write(t, filepath.Join(root, "b", "B.jar"), jar(t, "b"))
	a := Service{Name: "a", Dir: filepath.Join(root, "a"), Runs: "*"}
	b := Service{Name: "b", Dir: filepath.Join(root, "b"), Runs: "*"}
	w, err := New(Options{Root: root, Store: t.TempDir()}, []Service{a})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, w, root)
	if s := r.ready(); s.Service != "a" {
		t.Fatalf("%s is ready, not a", s.Service)
	}

	if err := w.Reconfigure(t.Context(), []Service{b, a}); err != nil {
		t.Fatal(err)
	}
	if s := r.ready(); s.Service != "b" { // and a, which was reported, is not reported again
		t.Fatalf("%s is ready, not b", s.Service)
	}
	if err := w.Reconfigure(t.Context(), []Service{b, a, a}); err == nil {
		t.Error("a service that is there twice is no error")
	}

	if err := w.Reconfigure(t.Context(), []Service{b}); err != nil {
		t.Fatal(err)
	}
	if err := w.Resend("a"); err == nil {
		t.Error("a is still watched")
	}
	write(t, filepath.Join(root, "a", "A.jar"), jar(t, "a, again"))
	write(t, filepath.Join(root, "b", "B.jar"), jar(t, "b, again"))
	if s := r.ready(); s.Service != "b" {
		t.Fatalf("%s is ready, not b", s.Service)
	}

	b.Files = []string{"*.txt"}
	b.Runs = ""
	write(t, filepath.Join(root, "b", "b.txt"), []byte("text"))
	if err := w.Reconfigure(t.Context(), []Service{b}); err != nil {
		t.Fatal(err)
	}
	if s := r.ready(); len(s.Files) != 1 || s.Files[0].Name != "b.txt" {
		t.Errorf("the files of b are %v", s.Files)
	}
}

// A change that was reported must come to an end, or a build waits for it.
func TestAChangeEndsWithItsService(t *testing.T) {
	root := t.TempDir()
	a := Service{Name: "a", Dir: filepath.Join(root, "a"), Runs: "*"}
	whole := jar(t, "a")
	write(t, filepath.Join(a.Dir, "A.jar"), whole[:len(whole)/2])
	w, err := New(Options{Root: root, Store: t.TempDir(), Patience: 1 << 40}, []Service{a})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, w, root)
	r.next(Changed)
	if err := w.Reconfigure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if e := r.next(Missing); e.Service != "a" {
		t.Errorf("%+v", e)
	}
}
