package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestACheckoutHasTheLineEndsOfTheVM checks the index out as git on Windows does,
// where shells and make of the VM would read carriage returns as text.
func TestACheckoutHasTheLineEndsOfTheVM(t *testing.T) {
	if _, err := os.Stat("../../.git"); err != nil {
		t.Skip("not a checkout of git")
	}
	tree := t.TempDir()
	tool(t, "git", "-C", "../..", "-c", "safe.directory=*", "-c", "core.autocrlf=true", "checkout-index", "--all", "--prefix="+tree+"/")
	files := 0
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if filepath.Ext(path) != ".png" && bytes.Contains(text, []byte("\r\n")) { // which begins so
			t.Errorf("%s has line ends of Windows", path[len(tree):])
		}
		files++
		return err
	})
	if err != nil || files < 100 {
		t.Errorf("%d files, %v", files, err)
	}
}
