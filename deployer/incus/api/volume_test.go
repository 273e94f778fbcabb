package api

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// member answers for the volumes of a member, and has no operation that takes time.
func member(t *testing.T) (*Client, *fake) {
	return newClient(t, func(w http.ResponseWriter, r *http.Request) {
		operation := strings.HasPrefix(r.URL.Path, "/1.0/operations/")
		if target := r.URL.Query().Get("target"); !operation && target != "m2" {
			t.Errorf("%s %s is about the member %q", r.Method, r.URL.Path, target)
		}
		switch {
		case operation:
			reply(w, "sync", Operation{ID: "1", Code: http.StatusOK})
		case strings.HasSuffix(r.URL.Path, "/export"):
			_, _ = io.WriteString(w, "the backup") // who asked may be gone
		case r.Method == http.MethodPost || strings.Contains(r.URL.Path, "/backups/"):
			_, _ = io.Copy(io.Discard, r.Body) // as above
			reply(w, "async", Operation{ID: "1"})
		default:
			reply(w, "sync", nil)
		}
	})
}

const volumes = "/1.0/storage-pools/fast/volumes/custom"

func TestABackupOfAVolumeIsRemovedHoweverItsReadingEnds(t *testing.T) {
	v := Volume{Name: "v", Location: "m2"}
	for _, want := range []error{nil, errors.New("a full disk")} {
		c, f := member(t)
		err := c.ExportVolume(t.Context(), "fast", v, "b", func(r io.Reader) error {
			text, err := io.ReadAll(r)
			if string(text) != "the backup" || err != nil {
				t.Errorf("read %q, %v", text, err)
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Errorf("it ends with %v, want %v", err, want)
		}
		if n := f.count("DELETE " + volumes + "/v/backups/b"); n != 1 {
			t.Errorf("it was removed %d times", n)
		}
	}
}

func TestAVolumeIsThatOfItsMember(t *testing.T) {
	c, f := member(t)
	v := Volume{Name: "v", Location: "m2"}
	if err := errors.Join(
		c.SetVolumeConfig(t.Context(), "fast", v, map[string]string{"user.a": "b"}), c.DeleteVolume(t.Context(), "fast", v),
		c.CopyVolume(t.Context(), "fast", v, "w"), c.ImportVolume(t.Context(), "fast", v, strings.NewReader("x")),
	); err != nil {
		t.Error(err)
	}
	for call, want := range map[string]int{"PATCH " + volumes + "/v": 1, "DELETE " + volumes + "/v": 1, "POST " + volumes: 2} {
		if n := f.count(call); n != want {
			t.Errorf("%s was asked %d times, want %d", call, n, want)
		}
	}
}
