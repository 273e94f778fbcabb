package lxc

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestACallThatCouldNotBeginIsMadeAgain has the first child end as liblxc ends it where
// the kernel cannot seal the copy of the program.
func TestACallThatCouldNotBeginIsMadeAgain(t *testing.T) {
	h := &Host{Path: t.TempDir(), Child: []string{"/bin/sh", "-c",
		`[ -e "$0" ] || { : >"$0"; echo "Device or resource busy - Failed to rexec as memfd" >&2; exit 1; }; echo "{\"Output\": \"$(base64 -w0)\"}"`,
		filepath.Join(t.TempDir(), "tried")}}
	a, err := h.call(t.Context(), quick, request{Op: opWrite, Name: "web-3"}, strings.NewReader("files"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(a.Output); !strings.Contains(got, `"web-3"`) || !strings.HasSuffix(got, "files") {
		t.Errorf("the second child was asked %q", got)
	}
}
