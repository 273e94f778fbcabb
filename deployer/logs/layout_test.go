package logs

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrintedIsInTheOrderOfGenerations(t *testing.T) {
	logs := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{logs}, parts...)...) }
	for _, dir := range []string{
		at("web", "10", reportsFolder), at("web", "9", reportsFolder), at("web", "9", filesFolder),
		at("web", "08"), at("web", "new"), at("website", "1"),
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copied := at("web", "9", filesFolder, url.PathEscape("/log/a b.log"))
	for _, file := range []string{copied, at("web", "11")} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Printed(logs, "web")
	want := []PrintedFile{
		{Service: "web", Number: 9, Path: at("web", "9", "reports", "out")},
		{Service: "web", Number: 9, File: "a b.log", Path: copied},
		{Service: "web", Number: 10, Path: at("web", "10", "reports", "out")},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if got, err := Printed(logs, "person"); err != nil || got != nil {
		t.Errorf("a service that never ran has printed %v, %v", got, err)
	}
}
