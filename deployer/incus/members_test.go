package incus

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestAServiceHasEndedWhereTheClusterHasGivenItsMemberUp asks for one whose member does
// not answer.
func TestAServiceHasEndedWhereTheClusterHasGivenItsMemberUp(t *testing.T) {
	for what, c := range map[string]struct {
		member string // how the cluster says that it is
		name   string // of the instance there
		data   string // a volume
		gone   bool
	}{
		"it is given up":                   {"Offline", "anna-web-1", "anna-other-data", true},
		"it is slow":                       {"Online", "anna-web-1", "", false},
		"the cluster does not say":         {"", "anna-web-1", "", false},
		"its data are there and nowhere":   {"Offline", "anna-web-1", "anna-web-data", false},
		"it is not known where data are":   {"Offline", "anna-web-1", "?", false},
		"it is another's of the same name": {"Offline", "bert-web-1", "", false},
		"another member is away, not its":  {"m2 alone", "anna-web-1", "", false},
	} {
		t.Run(what, func(t *testing.T) {
			e := engineOf(t, func(w http.ResponseWriter, r *http.Request) {
				var answer any
				switch {
				case r.URL.Path == "/1.0/instances": // of one on such a member there is nothing else
					answer = []api.Instance{{Name: c.name, Location: "m3", Status: "Error"}}
				case r.URL.Path == "/1.0/cluster/members" && c.member == "m2 alone":
					answer = []api.Member{{Name: "m2", Status: api.Offline}, {Name: "m3", Status: "Online"}}
				case r.URL.Path == "/1.0/cluster/members" && c.member != "":
					answer = []api.Member{{Name: "m2", Status: "Online"}, {Name: "m3", Status: c.member}}
				case strings.HasPrefix(r.URL.Path, "/1.0/storage-pools/fast/volumes") && c.data != "?":
					answer = []api.Volume{{Name: c.data, Location: "m3"}}
				default: // it would have to be asked itself
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"type": "sync", "metadata": answer}) // who asked may be gone
			})
			err := e.Check("web-1")
			exit := (*deployer.ExitError)(nil)
			if gone := errors.As(err, &exit) && exit.Gone && exit.Stopped && errors.Is(err, deployer.ErrLate); gone != c.gone || err != nil && !c.gone {
				t.Errorf("it is %v", err)
			}
		})
	}
}

func TestWhatIsKnownOfAnInstanceGoesWithIt(t *testing.T) {
	s := simulate(t, 4)
	e := engineOf(t, s.ServeHTTP)
	s.make(t, e, "web-1")
	delete(s.instances, "anna-web-1")
	s.make(t, e, "web-2")
	if _, err := e.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	e.members.where.Range(func(name, _ any) bool { known[name.(string)] = true; return true })
	if known["anna-web-1"] || !known["anna-web-2"] {
		t.Errorf("it is known where %v are", known)
	}
}
