package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed web
var web embed.FS

// files are what the page consists of, by path. There is no secret in them.
type files struct{ all map[string]file }

// file is one of them, ready to be sent.
type file struct {
	kind, tag   string
	policy      string // "": that of everything else
	plain, gzip []byte
}

// kinds are the types of what is served, by the names' endings; nothing else is: styles
// and modules are in the document.
var kinds = map[string]string{".html": "text/html; charset=utf-8", ".svg": "image/svg+xml"}

// embedded gives what is built in.
func embedded() *files {
	below, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // of the name alone
	}
	f, err := packed(below)
	if err != nil {
		panic(err) // what is built in can be read
	}
	return f
}

// packed makes files ready to be sent.
func packed(from fs.FS) (*files, error) {
	page, err := bundled(from)
	if err != nil {
		return nil, err
	}
	f := &files{all: map[string]file{}}
	err = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		kind := kinds[path.Ext(name)]
		if err != nil || d.IsDir() || kind == "" {
			return err
		}
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		policy := ""
		if name == "index.html" {
			text, policy = page.html, page.policy()
		}
		sum := sha256.Sum256(text)
		one := file{kind: kind, tag: hex.EncodeToString(sum[:8]), policy: policy, plain: text}
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = w.Write(text) // into memory
		_ = w.Close()
		if b.Len() < len(text) {
			one.gzip = b.Bytes()
		}
		f.all["/"+name] = one
		if name == "index.html" {
			f.all["/"] = one
		}
		return nil
	})
	return f, err
}

func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, &refusal{http.StatusMethodNotAllowed, "this is not asked for by " + plain(r.Method)})
		return
	}
	one, there := f.all[r.URL.Path]
	if !there {
		refuse(w, &refusal{http.StatusNotFound, "there is no such page"})
		return
	}
	h := w.Header()
	h.Set("Content-Type", one.kind)
	if one.policy != "" {
		h.Set("Content-Security-Policy", one.policy)
	}
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Accept-Encoding")
	body, tag := one.plain, `"`+one.tag+`"`
	if one.gzip != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body, tag = one.gzip, `"`+one.tag+`-gzip"`
	}
	h.Set("ETag", tag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == tag || known == "*" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may have gone
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3).
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, weighed := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			return !weighed || err == nil && q > 0
		}
	}
	return false
}
