package page

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"testing"
)

func TestFilesAreSentAsTheyAreBuiltInAndSmallWhereThatIsUnderstood(t *testing.T) {
	r := newRig(t)
	page, err := bundled(below(t))
	if err != nil {
		t.Fatal(err)
	}
	icon, err := web.ReadFile("web/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	all, sent := 0, 0
	for path, want := range map[string]string{"/": string(page.html), "/index.html": string(page.html), "/icon.svg": string(icon)} {
		status, head, text := r.do(http.MethodGet, path, "", "Authorization", "")
		if status != 200 || text != want || head.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d, %d bytes of %d", path, status, len(text), len(want))
		}
		plain := head.Get("ETag")
		status, head, text = r.do(http.MethodGet, path, "", "Authorization", "", "Accept-Encoding", "br, gzip;q=0.5")
		sent += len(text)
		if head.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader([]byte(text)))
			if err != nil {
				t.Fatal(err)
			}
			unpacked, err := io.ReadAll(z)
			if err != nil || string(unpacked) != want {
				t.Errorf("%s, unpacked: %d bytes of %d, %v", path, len(unpacked), len(want), err)
			}
			if head.Get("ETag") == plain {
				t.Errorf("%s has one tag for two bodies", path)
			}
		}
		if kind := head.Get("Content-Type"); kind == "" || status != 200 {
			t.Errorf("%s: %d, of type %q", path, status, kind)
		}
		status, _, text = r.do(http.MethodGet, path, "", "Authorization", "", "If-None-Match", `"x", W/`+plain)
		if status != http.StatusNotModified || text != "" {
			t.Errorf("%s that is known: %d, %d bytes", path, status, len(text))
		}
		all += len(want)
	}
	if sent > 150_000 {
		t.Errorf("the page is %d bytes over the wire, of %d", sent, all)
	}
	if status, head, text := r.do(http.MethodHead, "/", "", "Authorization", ""); status != 200 || text != "" || head.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %q, of length %s", status, text, head.Get("Content-Length"))
	}
}

// below gives the sources of the page.
func below(t *testing.T) fs.FS {
	t.Helper()
	sources, err := fs.Sub(web, "web")
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func TestWhoTakesGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "deflate, GZIP;q=0.1": true, "gzip;q=0": false, "gzip; q=0.0": false, "": false, "br": false, "x-gzip": false, "gzip;q=x": false,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}
