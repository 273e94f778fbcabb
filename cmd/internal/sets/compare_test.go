package sets

import (
	"archive/zip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestCompare(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	put(t, from, map[string]string{"gone.txt": "x", "same.txt": "x", "sub/config.yml": "port: 1"})
	put(t, to, map[string]string{"new.txt": "x", "same.txt": "x", "sub/config.yml": "port: 2"})
	jar(t, filepath.Join(from, "App.jar"), map[string]string{"App.class": "1", "Gone.class": "1", "Same.class": "1"})
	jar(t, filepath.Join(to, "App.jar"), map[string]string{"App.class": "2", "New.class": "1", "Same.class": "1"})
	want := []Difference{
		{What: Changed, Name: "App.jar", Inside: []Difference{
			{What: Changed, Name: "App.class"}, {What: Removed, Name: "Gone.class"}, {What: Added, Name: "New.class"},
		}},
		{What: Removed, Name: "gone.txt"},
		{What: Added, Name: "new.txt"},
		{What: Changed, Name: "sub/config.yml"},
	}
	if got, err := Compare(from, to); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := Compare(to, to); err != nil || len(got) > 0 {
		t.Errorf("a set differs from itself by %+v, %v", got, err)
	}
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func jar(t *testing.T, path string, entries map[string]string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := zip.NewWriter(f)
	for name, text := range entries {
		e, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
