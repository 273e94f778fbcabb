package incus

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/api/apitest"
)

// simulated is a cluster whose instances are nothing but names.
type simulated struct {
	mu        sync.Mutex
	members   map[string]string // how the cluster says they are
	instances map[string]*api.Instance
	pools     map[string]uint64 // free bytes of those that have little
	memory    map[string]uint64
	files     string          // the folder with what any instance has
	images    map[string]bool // the names of those that there are
	forbids   bool            // to look at what members have
	hides     bool            // members
	calls     int

	// refuses says why a device of an instance cannot be, and changes are those of devices.
	refuses func(i *api.Instance, device map[string]string) string
	changes []string
}

const plenty = 1 << 40

// simulate has members with a base each.
func simulate(t *testing.T, members int) *simulated {
	t.Helper()
	s := &simulated{
		members: map[string]string{}, instances: map[string]*api.Instance{}, pools: map[string]uint64{},
		memory: map[string]uint64{}, files: t.TempDir(),
	}
	sbin := filepath.Join(s.files, "sbin")
	if err := errors.Join(os.Mkdir(sbin, 0o755), os.Symlink("/lib/systemd/systemd", filepath.Join(sbin, "init"))); err != nil {
		t.Fatal(err)
	}
	for n := range members {
		member := fmt.Sprintf("m%d", n+1)
		s.members[member] = "Online"
		base := &api.Instance{Name: "java-" + member, Location: member, Status: "Stopped", Config: map[string]string{keyBase: "java"}}
		s.instances[base.Name] = base
	}
	return s
}

// add has others' instances on all members in turn.
func (s *simulated) add(owners, services int) {
	names := slices.Sorted(maps.Keys(s.members))
	for n := range owners * services {
		i := &api.Instance{
			Name: fmt.Sprintf("owner%d-service%d-1", n/services, n%services), Location: names[n%len(names)], Status: "Running",
			Config: map[string]string{keyOwner: fmt.Sprintf("owner%d", n/services)},
		}
		s.instances[i.Name] = i
	}
}

func (s *simulated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/sftp") {
		s.mu.Lock()
		s.calls++
		files, name := s.files, path.Base(path.Dir(r.URL.Path))
		if i := s.instances[name]; i != nil && i.Config[keyProxy] != "" { // of no base
			files = filepath.Join(s.files, name)
			_ = os.MkdirAll(files, 0o755) // else its files are not there
		}
		s.mu.Unlock()
		apitest.ServeFiles(w, files)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	metadata, status := s.answer(r)
	answer := map[string]any{"type": "sync", "metadata": metadata}
	if _, begun := metadata.(api.Operation); begun && r.Method != http.MethodGet {
		answer["type"] = "async"
	}
	if status != http.StatusOK {
		w.WriteHeader(status)
		answer = map[string]any{"type": "error", "error_code": status, "error": reason(metadata, r)}
	}
	_ = json.NewEncoder(w).Encode(answer) // who asked may be gone
}

// reason is why a call fails.
func reason(metadata any, r *http.Request) string {
	if text, is := metadata.(string); is {
		return text
	}
	return r.URL.Path
}

func (s *simulated) answer(r *http.Request) (metadata any, status int) {
	target, parts := r.URL.Query().Get("target"), strings.Split(strings.TrimPrefix(r.URL.Path, "/1.0/"), "/")
	switch {
	case r.URL.Path == "/1.0/instances" && r.Method == http.MethodGet:
		return slices.Collect(maps.Values(s.instances)), http.StatusOK
	case r.URL.Path == "/1.0/instances":
		var i api.Instance
		if json.NewDecoder(r.Body).Decode(&i) != nil {
			return nil, http.StatusBadRequest
		}
		if s.instances[i.Name] != nil {
			return nil, http.StatusConflict
		}
		i.Location, i.Status = target, "Stopped"
		s.instances[i.Name] = &i
	case strings.HasPrefix(r.URL.Path, "/1.0/images/aliases/") && s.images[path.Base(r.URL.Path)]:
		return api.Alias{Name: path.Base(r.URL.Path)}, http.StatusOK
	case strings.HasPrefix(r.URL.Path, "/1.0/images/aliases/"):
		return nil, http.StatusNotFound
	case r.URL.Path == "/1.0/cluster/members" && s.hides:
		return nil, http.StatusForbidden
	case r.URL.Path == "/1.0/cluster/members":
		var all []api.Member
		for _, name := range slices.Sorted(maps.Keys(s.members)) {
			all = append(all, api.Member{Name: name, Status: s.members[name], URL: "https://10.99.0." + strings.TrimPrefix(name, "m") + ":8443"})
		}
		return all, http.StatusOK
	case r.URL.Path == "/1.0/operations":
		return map[string]any{}, http.StatusOK
	case parts[0] == "instances" && s.instances[parts[1]] == nil:
		return nil, http.StatusNotFound
	case parts[0] == "instances":
		return s.instance(r, s.instances[parts[1]], strings.Join(parts[2:], "/"))
	case strings.HasSuffix(r.URL.Path, "/wait"):
	case s.forbids && (parts[0] == "storage-pools" || parts[0] == "resources"):
		return nil, http.StatusForbidden
	case parts[0] == "storage-pools":
		return api.Resources{Space: api.Amount{Used: plenty - free(s.pools, target), Total: plenty}}, http.StatusOK
	case parts[0] == "resources":
		return map[string]any{"memory": api.Amount{Used: plenty - free(s.memory, target), Total: plenty}}, http.StatusOK
	default:
		return nil, http.StatusNotImplemented
	}
	return api.Operation{ID: "op", Code: http.StatusOK}, http.StatusOK
}

func free(little map[string]uint64, member string) uint64 {
	if bytes, is := little[member]; is {
		return bytes
	}
	return plenty
}

// instance answers what is about one.
func (s *simulated) instance(r *http.Request, i *api.Instance, what string) (metadata any, status int) {
	switch {
	case what == "state" && r.Method == http.MethodPut:
		var change struct{ Action string }
		if json.NewDecoder(r.Body).Decode(&change) != nil {
			return nil, http.StatusBadRequest
		}
		if change.Action == "stop" {
			i.Status = "Stopped"
			break
		}
		if why := s.refused(i, i.Devices); why != "" {
			return why, http.StatusInternalServerError
		}
		i.Status, i.Started = "Running", time.Now()
	case what == "state":
		eth0 := map[string]any{"addresses": []any{map[string]string{"family": "inet", "scope": "global", "address": i.Config[keyAddress]}}}
		return map[string]any{"status": i.Status, "network": map[string]any{"eth0": eth0}}, http.StatusOK
	case what == "" && r.Method == http.MethodGet:
		return i, http.StatusOK
	case what == "" && r.Method == http.MethodDelete:
		delete(s.instances, i.Name)
	case what == "" && r.Method == http.MethodPatch:
		var change api.Instance
		if json.NewDecoder(r.Body).Decode(&change) != nil {
			return nil, http.StatusBadRequest
		}
		if why := s.refused(i, change.Devices); why != "" && i.Running() {
			return why, http.StatusInternalServerError
		}
		maps.Copy(i.Config, change.Config)
		for _, device := range slices.Sorted(maps.Keys(change.Devices)) {
			if i.Devices == nil {
				i.Devices = api.Devices{}
			}
			i.Devices[device] = change.Devices[device]
			s.changes = append(s.changes, fmt.Sprintf("%s has %s", i.Name, device))
		}
	case what == "" && r.Method == http.MethodPut:
		var change api.Instance
		if json.NewDecoder(r.Body).Decode(&change) != nil {
			return nil, http.StatusBadRequest
		}
		for _, device := range slices.Sorted(maps.Keys(i.Devices)) {
			if change.Devices[device] == nil {
				s.changes = append(s.changes, fmt.Sprintf("%s has no %s", i.Name, device))
			}
		}
		i.Config, i.Devices = change.Config, change.Devices
	}
	return api.Operation{ID: "op", Code: http.StatusOK}, http.StatusOK
}

func (s *simulated) refused(i *api.Instance, devices api.Devices) (why string) {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		if s.refuses != nil && why == "" {
			why = s.refuses(i, devices[name])
		}
	}
	return why
}

// make makes and starts an instance, and says on which member and by how many calls.
func (s *simulated) make(t *testing.T, e *Engine, name string) (member string, calls int) {
	t.Helper()
	before := s.calls
	address := netip.MustParsePrefix("10.88.0.7/24")
	if err := e.Create(t.Context(), deployer.Spec{Name: name, Base: "java", Address: address}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Start(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return s.instances["anna-"+name].Location, s.calls - before
}

// TestALargeClusterCostsNoMoreThanASmallOne has a hundred members for fifty developers,
// of whom each has twenty services.
func TestALargeClusterCostsNoMoreThanASmallOne(t *testing.T) {
	calls := func(s *simulated) (first, next, space int) {
		e := engineOf(t, s.ServeHTTP)
		on, _ := s.make(t, e, "web-1") // the base's first, which is prepared for it
		on2, n := s.make(t, e, "web-2")
		if on2 != on {
			t.Errorf("the next one is on %s, and its predecessor on %s", on2, on)
		}
		for _, service := range []string{"a", "b", "c"} {
			s.make(t, e, service+"-1")
			_, first = s.make(t, e, service+"-2")
		}
		before := s.calls
		if _, err := e.Space(t.Context()); err != nil {
			t.Fatal(err)
		}
		return first, n, s.calls - before
	}
	small, large := simulate(t, 4), simulate(t, 100)
	large.add(50, 20)
	f1, n1, s1 := calls(small)
	f2, n2, s2 := calls(large)
	if f1 != f2 || n1 != n2 || s1 != s2 {
		t.Errorf("%d, %d and %d calls in a small cluster; %d, %d and %d in a large one", f1, n1, s1, f2, n2, s2)
	}
	if n1 > 12 {
		t.Errorf("%d calls to make and start an instance, where 12 do", n1)
	}
	t.Logf("%d calls to make and start an instance, %d to look for space", n1, s1)
}

func TestInstancesSpreadOverTheMembers(t *testing.T) {
	s := simulate(t, 100)
	s.add(48, 20) // 960 on 100 members: 60 have ten, and 40 nine
	e := engineOf(t, s.ServeHTTP)
	on := map[string]int{}
	for n := range 40 {
		member, _ := s.make(t, e, fmt.Sprintf("service%d-1", n))
		on[member]++
	}
	if len(on) != 40 {
		t.Errorf("40 instances went to %d members, where 40 had one less than the others", len(on))
	}
	// Who sees nothing of others does not begin where they do.
	begins := map[string]bool{}
	for n := range 50 {
		e.Owner = fmt.Sprintf("dev%d", n)
		var all []api.Instance
		for _, i := range simulate(t, 100).instances {
			all = append(all, *i)
		}
		begins[e.places(all, "java", "web", nil)[0].Location] = true
	}
	if len(begins) < 30 {
		t.Errorf("50 developers begin on %d members of 100", len(begins))
	}
}

func TestAnInstanceGoesWhereItsServiceIsUnlessThatIsFull(t *testing.T) {
	for what, c := range map[string]struct {
		change func(s *simulated, on string)
		stays  bool
	}{
		"there is room":                   {func(*simulated, string) {}, true},
		"its pool is full":                {func(s *simulated, on string) { s.pools[on] = leastPool - 1 }, false},
		"its memory is taken":             {func(s *simulated, on string) { s.memory[on] = leastMemory - 1 }, false},
		"there is just enough":            {func(s *simulated, on string) { s.pools[on], s.memory[on] = leastPool, leastMemory }, true},
		"nobody may look at it":           {func(s *simulated, _ string) { s.forbids = true }, true},
		"it is away":                      {func(s *simulated, on string) { s.instances["java-"+on].Status = "Error" }, false},
		"its base is gone":                {func(s *simulated, on string) { delete(s.instances, "java-"+on) }, false},
		"its base is somebody's instance": {func(s *simulated, on string) { s.instances["java-"+on].Config[keyOwner] = "bert" }, false},
	} {
		t.Run(what, func(t *testing.T) {
			s := simulate(t, 3)
			e := engineOf(t, s.ServeHTTP)
			on, _ := s.make(t, e, "web-9")
			c.change(s, on)
			if next, _ := s.make(t, e, "web-10"); (next == on) != c.stays {
				t.Errorf("the next one is on %s, and its predecessor on %s", next, on)
			}
		})
	}
}

func TestWhyThereIsNoPlaceIsSaid(t *testing.T) {
	for want, c := range map[string]struct {
		base, member string
		change       func(s *simulated)
	}{
		"there is no base go on any member that answers":                                      {"go", "", func(*simulated) {}},
		"there is no base java on the member m9, which has the data of web":                   {"java", "m9", func(*simulated) {}},
		"m2: 1 MiB free in the pool fast":                                                     {"java", "", func(s *simulated) { s.pools["m1"], s.pools["m2"] = 1<<20, 1<<20 }},
		"none of the members that are the first choice can have it: m1: 2 MiB of memory free": {"java", "m1", func(s *simulated) { s.memory["m1"] = 2 << 20 }},
	} {
		s := simulate(t, 2)
		c.change(s)
		_, err := engineOf(t, s.ServeHTTP).bases.find(t.Context(), c.base, "web", c.member)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it is %v, want %q", err, want)
		}
	}
}
