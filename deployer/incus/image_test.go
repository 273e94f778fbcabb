package incus

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// imageStore is the images of a cluster.
type imageStore struct {
	mu     sync.Mutex
	images []api.Image
	// meanwhile is done once, before a name is given.
	meanwhile func(*imageStore)
	instances []api.Instance
}

func image(fingerprint, container, hash string, names ...string) api.Image {
	i := api.Image{Fingerprint: fingerprint, Size: 7, Properties: map[string]string{propertyContainer: container, propertyName: "java", propertyHash: hash}}
	for _, name := range names {
		i.Aliases = append(i.Aliases, api.Alias{Name: name})
	}
	return i
}

func (s *imageStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, status, metadata := "sync", http.StatusOK, any(nil)
	switch {
	case strings.HasPrefix(r.URL.Path, "/1.0/operations/"):
		metadata = api.Operation{ID: "1", Code: http.StatusOK}
	case r.Method == http.MethodGet && r.URL.Path == "/1.0/instances":
		metadata = s.instances
	case r.Method == http.MethodGet:
		metadata = s.images
	case r.Method == http.MethodDelete:
		kind, metadata = "async", api.Operation{ID: "1"}
		s.images = slices.DeleteFunc(s.images, func(i api.Image) bool { return i.Fingerprint == path.Base(r.URL.Path) })
		s.instances = slices.DeleteFunc(s.instances, func(i api.Instance) bool { return i.Name == path.Base(r.URL.Path) })
	case strings.HasSuffix(r.URL.Path, "/aliases"):
		var a struct{ Name, Target string }
		text, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(text, &a) // it is the client's
		if s.meanwhile != nil {
			s.meanwhile(s)
			s.meanwhile = nil
		}
		status = http.StatusNotFound
		for n, i := range s.images {
			if slices.ContainsFunc(s.images, func(i api.Image) bool { return called(i, a.Name) }) {
				status = http.StatusConflict
			} else if i.Fingerprint == a.Target {
				status = http.StatusOK
				s.images[n].Aliases = []api.Alias{{Name: a.Name}}
				break
			}
		}
	}
	if status != http.StatusOK {
		w.WriteHeader(status)
		kind = "error"
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"type": kind, "metadata": metadata, "error_code": status, "error": "no"}) // who asked may be gone
}

func TestOneImageIsTheBaseHoweverManyAreTakenIn(t *testing.T) {
	const base = "java-1"
	own := image("f1", base, "h1")
	for _, test := range []struct {
		name      string
		images    []api.Image
		meanwhile func(*imageStore)
		there     bool
		left      []string
		err       string
	}{
		{"none", nil, nil, false, nil, ""},
		{"one", []api.Image{image("f2", base, "h1", base)}, nil, true, []string{"f2 java-1"}, ""},
		{"of other recipes, and nobody's", []api.Image{image("f2", "java-2", "h2"), {Fingerprint: "f3"}}, nil, false, []string{"f2 ", "f3 "}, ""},
		{"one whose agent was killed before it had its name", []api.Image{own}, nil, true, []string{"f1 java-1"}, ""},
		{"another one was faster", []api.Image{image("f2", base, "h1", base), own}, nil, true, []string{"f2 java-1"}, ""},
		{"another one is just faster", []api.Image{own}, func(s *imageStore) { s.images = append(s.images, image("f2", base, "h1", base)) }, true, []string{"f2 java-1"}, ""},
		{"another one has removed this just now", []api.Image{own}, func(s *imageStore) { s.images = []api.Image{image("f2", base, "h1", base)} }, true, []string{"f2 java-1"}, ""},
		{"somebody has removed it just now", []api.Image{own}, func(s *imageStore) { s.images = nil }, false, nil, ""},
		{"the name is that of something else", []api.Image{own, image("f3", "", "", base)}, nil, false, []string{"f1 ", "f3 java-1"}, "look for the image java-1"},
	} {
		s := &imageStore{images: test.images, meanwhile: test.meanwhile}
		there, err := engineOf(t, s.ServeHTTP).HasBase(t.Context(), base, "h1")
		if there != test.there || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %t, %v", test.name, there, err)
		}
		var left []string
		for _, i := range s.images {
			name := ""
			for _, a := range i.Aliases {
				name += a.Name
			}
			left = append(left, i.Fingerprint+" "+name)
		}
		if diff := cmp.Diff(test.left, left); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestWhatIsLeftOfABaseIsFoundAndRemoved(t *testing.T) {
	made := func(name, owner, container string) api.Instance {
		return api.Instance{Name: name, Config: map[string]string{keyOwner: owner, keyRecipe: container}}
	}
	s := &imageStore{
		images: []api.Image{image("f1", "java-1", "h1", "java-1"), image("f2", "java-2", "h2"), {Fingerprint: "f3"}},
		instances: []api.Instance{
			made("java-1-m1", "", "java-1"), made("bert-web-1", "bert", "java-1"), made("java-3-m1", "", "java-3"), made("by-hand", "", ""),
		},
	}
	e := engineOf(t, s.ServeHTTP)
	all, err := e.BuiltBases(t.Context())
	want := []Built{
		{Name: "java", Container: "java-1", Hash: "h1", Bytes: 7, Complete: true, Made: []string{"bert-web-1"}},
		{Name: "java", Container: "java-2", Hash: "h2", Bytes: 7},
		{Name: "java", Container: "java-3", Hash: "3"},
	}
	if diff := cmp.Diff(want, all); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	if err := e.RemoveBase(t.Context(), "java-1"); !errors.Is(err, ErrStays) || !strings.Contains(err.Error(), "bert-web-1") || len(s.images) != 3 {
		t.Errorf("%v leaves %v", err, s.images)
	}
	for _, container := range []string{"java-2", "java-3", "java-4"} {
		if err := e.RemoveBase(t.Context(), container); err != nil {
			t.Error(err)
		}
	}
	if len(s.images) != 2 || len(s.instances) != 3 {
		t.Errorf("that leaves %v, %v", s.images, s.instances)
	}
}
