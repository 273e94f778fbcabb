package page_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/browser"
)

// axe gives the script that finds what keeps people from a page: make test fetches it.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("AXE_CORE")
	if path == "" {
		cache, err := os.UserCacheDir()
		check(t, err)
		found, err := filepath.Glob(filepath.Join(cache, "jarloop", "axe-core-*", "axe.min.js"))
		check(t, err)
		if len(found) == 0 {
			t.Skip("axe-core is not here: make test fetches it")
		}
		path = found[len(found)-1]
	}
	script, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v: make test fetches it", err)
	}
	check(t, err)
	return string(script)
}

// TestNothingKeepsAnybodyFromThePage has axe-core look at every view, light and dark.
func TestNothingKeepsAnybodyFromThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	script := axe(t)
	w := newWorld(t)
	w.serve()
	w.fails()
	w.print("session", 7, "10:01 \x1b[31mERROR\x1b[0m broken", "10:02 \x1b[2;33mWARN\x1b[0m careful", "10:03 \x1b[44;37mINFO\x1b[0m well", "10:04 DEBUG more")
	for to, there := range map[string]string{
		"#/": ".card", "#/?as=table": "table", "#/service/person": ".trace", "#/service/session": ".own-logs .line", "#/logs": ".line",
	} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1440, 390} {
				if width == 390 && scheme == "dark" {
					continue // narrow and dark are seen, each with the other's other
				}
				tab := w.open(width, 900, to)
				check(t, tab.Prefer("prefers-color-scheme", scheme))
				w.await(tab, "document.querySelector('"+there+"')")
				w.run(tab, script)
				found, err := browser.Eval[[]string](tab, "axe.run().then((r) => r.violations.flatMap((v) => v.nodes.map((n) => `${v.impact}: ${v.help}: ${n.html}`)))")
				check(t, err)
				for _, line := range found {
					t.Errorf("%s, %s, %d wide: %s", to, scheme, width, line)
				}
				check(t, tab.Close())
			}
		}
	}
}
