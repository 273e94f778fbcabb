package incus

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// recipe has a cluster whose base java is an image, and no instance yet.
func recipe(t *testing.T, members int) *simulated {
	t.Helper()
	s := simulate(t, members)
	clear(s.instances)
	s.images = map[string]bool{"java": true}
	return s
}

func TestABaseIsMadeWhereItIsNeededFirst(t *testing.T) {
	s := recipe(t, 3)
	s.members["m3"] = api.Offline
	e := engineOf(t, s.ServeHTTP)
	on := map[string]bool{}
	for _, name := range []string{"a-1", "b-1", "c-1", "d-1", "a-2"} {
		member, _ := s.make(t, e, name)
		on[member] = true
		if base := s.instances["java-"+member]; base == nil || base.Config[keyState] != whole {
			t.Errorf("%s is on %s, where the base is %v", name, member, base)
		}
	}
	if len(on) != 2 || on["m3"] || s.instances["java-m3"] != nil {
		t.Errorf("instances are on %v", on)
	}
	s.images = nil // what is there can be copied still
	s.make(t, e, "b-2")
	if a, b := s.instances["anna-a-1"].Location, s.instances["anna-a-2"].Location; a != b {
		t.Errorf("the next one is on %s, and its predecessor on %s", b, a)
	}
}

// What is made of one base costs the same wherever that is already.
func TestAnImageCostsNoMoreInALargeCluster(t *testing.T) {
	calls := func(members int) int {
		s := recipe(t, members)
		e := engineOf(t, s.ServeHTTP)
		s.make(t, e, "a-1")
		_, n := s.make(t, e, "a-2")
		return n
	}
	if small, large := calls(4), calls(100); small != large {
		t.Errorf("%d calls on 4 members, and %d on 100", small, large)
	}
}

func TestTwoAgentsMakeABaseOnce(t *testing.T) {
	s := recipe(t, 1)
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			e := engineOf(t, s.ServeHTTP)
			base, err := e.bases.find(t.Context(), "java", fmt.Sprintf("s%d", n), "")
			if err != nil || base.Name != "java-m1" || base.Config[keyState] != whole {
				t.Errorf("%+v, %v", base, err)
			}
		})
	}
	all.Wait()
}

func TestAHalfMadeBaseIsNeverCopied(t *testing.T) {
	half := func(s *simulated, state string) {
		s.instances["java-m1"] = &api.Instance{
			Name: "java-m1", Location: "m1", Status: "Stopped", Config: map[string]string{keyRecipe: "java", keyBase: "java", keyState: state},
		}
	}
	t.Run("by an agent that was killed", func(t *testing.T) {
		s := recipe(t, 1)
		half(s, "making A")
		e := engineOf(t, s.ServeHTTP)
		e.bases.cutOff = 10 * time.Millisecond
		base, err := e.bases.find(t.Context(), "java", "web", "")
		if err != nil || base.Config[keyState] != whole || s.instances["java-m1"].Config[keyState] != whole {
			t.Errorf("%+v, %v", base, err)
		}
	})
	t.Run("by one that goes on", func(t *testing.T) {
		s := recipe(t, 1)
		half(s, "making A")
		asked := 0
		e := engineOf(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/java-m1") && r.Method == http.MethodGet {
				if asked++; asked == 3 {
					s.instances["java-m1"].Config[keyState] = whole
				}
			}
			s.ServeHTTP(w, r)
		})
		base, err := e.bases.find(t.Context(), "java", "web", "")
		if err != nil || base.Config[keyState] != whole || asked != 3 {
			t.Errorf("%+v, %v; asked %d times", base, err, asked)
		}
	})
	t.Run("an instance of somebody else", func(t *testing.T) {
		s := recipe(t, 1)
		s.instances["java-m1"] = &api.Instance{Name: "java-m1", Location: "m1", Status: "Running", Config: map[string]string{keyOwner: "java"}}
		_, err := engineOf(t, s.ServeHTTP).bases.find(t.Context(), "java", "web", "")
		if err == nil || !strings.Contains(err.Error(), "java-m1 is there, and is none") {
			t.Error(err)
		}
	})
}

func TestTheNameOfABaseOnAMemberIsAHostName(t *testing.T) {
	for want, c := range map[string][2]string{
		"java-1a2b3c4d-m1":              {"java-1a2b3c4d", "m1"},
		"jarloop-base-505aa026327995cc": {"java-1a2b3c4d", "m1.example.org"},
	} {
		if got := onMember(c[0], c[1]); got != want {
			t.Errorf("%v: %s, want %s", c, got, want)
		}
	}
	if got := onMember(strings.Repeat("a", 60), "m1"); len(got) > 63 {
		t.Errorf("%s is too long", got)
	}
}

func TestBasesThatAreThereAreNoReasonToGoElsewhere(t *testing.T) {
	s := recipe(t, 2)
	for _, base := range []string{"a", "b", "c"} {
		s.instances[base+"-m1"] = &api.Instance{Name: base + "-m1", Location: "m1", Status: "Stopped", Config: map[string]string{keyRecipe: base, keyBase: base, keyState: whole}}
	}
	s.instances["bert-web-1"] = &api.Instance{Name: "bert-web-1", Location: "m2", Status: "Running", Config: map[string]string{keyOwner: "bert", keyRecipe: "a"}}
	if on, _ := s.make(t, engineOf(t, s.ServeHTTP), "web-1"); on != "m1" {
		t.Errorf("it is on %s, where a container is", on)
	}
}
