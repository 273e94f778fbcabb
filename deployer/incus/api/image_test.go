package api

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// imageStore takes an image in, and says that it has this fingerprint.
func imageStore(t *testing.T, fingerprint string, forgotten bool) *Client {
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/1.0/operations/") && forgotten:
			w.WriteHeader(http.StatusNotFound)
			reply(w, "error", nil)
		case strings.HasPrefix(r.URL.Path, "/1.0/operations/"):
			metadata, _ := json.Marshal(map[string]string{"fingerprint": fingerprint})
			reply(w, "sync", Operation{ID: "1", Code: http.StatusOK, Metadata: metadata})
		case r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, fingerprint):
			w.WriteHeader(http.StatusNotFound)
			reply(w, "error", nil)
		case r.Method == http.MethodGet:
			reply(w, "sync", Image{Fingerprint: fingerprint})
		default:
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return // who sends it has given up
			}
			reply(w, "async", Operation{ID: "1"})
		}
	})
	return c
}

func TestAnImageHasArrivedWhole(t *testing.T) {
	const content = "an archive"
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	for _, test := range []struct {
		name, fingerprint, err string
		forgotten              bool
	}{
		{"whole", sum, "", false},
		{"whole, and the cluster has forgotten how it came", sum, "", true},
		{"damaged", "abc", "the image has come with the SHA-256 abc, not " + sum, false},
		{"nobody knows", "abc", "not known", true},
	} {
		got, err := imageStore(t, test.fingerprint, test.forgotten).CreateImage(t.Context(), strings.NewReader(content))
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) || err == nil && got != sum {
			t.Errorf("%s: %s, %v", test.name, got, err)
		}
	}
	want := errors.New("a full disk")
	_, err := imageStore(t, sum, false).CreateImage(t.Context(), io.MultiReader(strings.NewReader(content), failing{want}))
	if !errors.Is(err, want) {
		t.Errorf("what cannot be read: %v", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }
