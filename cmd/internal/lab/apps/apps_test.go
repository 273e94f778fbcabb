package apps

import (
	"os"
	"path/filepath"
	"testing"
)

const checkout = "../../../.."

func TestEveryApplicationHasCommandsAndOneVersion(t *testing.T) {
	all, err := os.ReadDir(filepath.Join(checkout, "cmd/jarloop/testdata/apps"))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, e := range all {
		if !e.IsDir() {
			continue
		}
		tried++
		t.Run(e.Name(), func(t *testing.T) {
			a, err := Find(checkout, e.Name())
			if err != nil || a.Commands == "" {
				t.Fatalf("%q, %v", a.Commands, err)
			}
			source := filepath.Join(t.TempDir(), "source")
			if err := a.CopySource(t.Context(), source); err != nil {
				t.Fatal(err)
			}
			before, err := a.hash([]string{"version 2"})
			if err != nil {
				t.Fatal(err)
			}
			if err := Edit(source, "version 2"); err != nil {
				t.Fatal(err)
			}
			a.Source = source
			if after, err := a.hash([]string{"version 2"}); err != nil || after == before {
				t.Errorf("what is edited counts as the same: %v", err)
			}
			if err := Edit(source, "version 3"); err == nil {
				t.Error("what is edited has the version from before")
			}
		})
	}
	if tried < 10 {
		t.Errorf("%d applications", tried)
	}
	if _, err := Find(checkout, "no-such"); err == nil {
		t.Error("an application is found that is not there")
	}
}
