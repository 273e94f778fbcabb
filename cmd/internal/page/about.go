package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/printed"
	"github.com/jarloop/jarloop/cmd/internal/sets"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/deployer/logs"
)

const (
	// mostDeploys of a service are shown.
	mostDeploys = 50
	// mostWords is how many lines are looked at for a stack trace.
	mostWords = 2000
	// mostNames of files, and of what is in archives, are shown as different.
	mostNames = 2000
)

// Whole is all that is known of one service.
type Whole struct {
	Service Service      `json:"service"`
	Pin     *history.Pin `json:"pin,omitempty"`
	Paused  bool         `json:"paused,omitempty"`
	Deploys []Deployed   `json:"deploys"`
	// Sets are those that can be gone back to, the newest first.
	Sets []string `json:"sets"`
}

// Deployed is one deploy that has ended.
type Deployed struct {
	history.Entry
	Kept     bool     `json:"kept,omitempty"`    // its set is
	Printed  bool     `json:"printed,omitempty"` // what it has printed is kept
	Previous string   `json:"previous,omitempty"`
	Trace    []string `json:"trace,omitempty"`
}

// service gives all that is known of one.
func (s *Server) service(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	shown, known := s.shownOf(name)
	if !known {
		refuse(w, &refusal{http.StatusNotFound, fmt.Sprintf("no service %q; there are: %s", plain(name), strings.Join(s.names(), ", "))})
		return
	}
	kept, err := sets.Of(s.Folders.History, s.Folders.Sets, name)
	if err != nil {
		refuse(w, &refusal{http.StatusInternalServerError, plain(err.Error())})
		return
	}
	all := Whole{Service: shown, Pin: kept.Pin, Paused: kept.Paused, Deploys: []Deployed{}, Sets: []string{}}
	generations, _ := (&printed.Reader{Logs: s.Folders.Logs, Record: s.Record}).Generations(name) // none is an answer
	for i, e := range slices.Backward(kept.Entries) {
		if len(all.Deploys) == mostDeploys {
			break
		}
		all.Deploys = append(all.Deploys, s.deployed(kept, i, e, generations))
	}
	for _, set := range slices.Backward(kept.Good()) {
		if kept.Keeps(set) {
			all.Sets = append(all.Sets, set)
		}
	}
	reply(w, http.StatusOK, all)
}

// shownOf gives what is shown of a service.
func (s *Server) shownOf(name string) (Service, bool) {
	i := slices.IndexFunc(s.Agent.Shown(), func(one *deployer.Status) bool { return one.Service == name })
	if i < 0 {
		return Service{}, false
	}
	v := Service{Status: cleaned(*s.Agent.Shown()[i])}
	v.Memory = s.Agent.Memory()[name]
	for _, d := range s.hub.system.Load().Services {
		if d.Name == name {
			v.Described = d
		}
	}
	return v, true
}

// deployed gives one of the deploys, of which generations have left what they printed.
func (s *Server) deployed(kept sets.Service, i int, e history.Entry, generations []int) Deployed {
	number, _ := strconv.Atoi(e.Generation[strings.LastIndexByte(e.Generation, '-')+1:])
	d := Deployed{Entry: e, Kept: kept.Keeps(e.Set), Printed: slices.Contains(generations, number)}
	d.Reason = plain(e.Reason)
	for _, before := range slices.Backward(kept.Entries[:i]) {
		if before.Outcome != history.Failed {
			d.Previous = before.Set
			break
		}
	}
	if e.Outcome == history.Failed && d.Printed {
		last, _ := logs.Tail(logs.FolderOf(s.Folders.Logs, kept.Name, number).Out(), mostWords) // none is an answer
		d.Trace = logs.Trace(last)
	}
	return d
}

// Changes is what differs between two sets.
type Changes struct {
	From  string       `json:"from"`
	To    string       `json:"to"`
	Files []Difference `json:"files"`
	More  int          `json:"more,omitempty"` // that are not named
}

// Difference is a file that differs, or what is in an archive.
type Difference struct {
	What   string       `json:"what"`
	Name   string       `json:"name"`
	Inside []Difference `json:"inside,omitempty"`
}

// changes gives what differs between two sets of a service. JARs may be large: one is
// compared at a time.
func (s *Server) changes(w http.ResponseWriter, r *http.Request) {
	name, q := r.PathValue("name"), r.URL.Query()
	if !slices.Contains(s.names(), name) {
		refuse(w, &refusal{http.StatusNotFound, fmt.Sprintf("no service %q", plain(name))})
		return
	}
	if q.Get("from") == "" || q.Get("to") == "" {
		refuse(w, &refusal{http.StatusBadRequest, "say between which sets: from and to"})
		return
	}
	select {
	case s.compares <- struct{}{}:
		defer func() { <-s.compares }()
	case <-r.Context().Done():
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a large one takes long
	from, to, all, err := s.compare(r.Context(), name, q.Get("from"), q.Get("to"))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience))
	if err != nil {
		refuse(w, &refusal{http.StatusNotFound, plain(err.Error())})
		return
	}
	c := Changes{From: from, To: to, Files: []Difference{}}
	left := mostNames
	c.Files = differences(all, &left, &c.More)
	reply(w, http.StatusOK, c)
}

func (s *Server) compare(ctx context.Context, name, from, to string) (string, string, []sets.Difference, error) {
	kept, err := sets.Of(s.Folders.History, s.Folders.Sets, name)
	if err != nil {
		return "", "", nil, err
	}
	if strings.ContainsAny(from+to, "/\\") {
		return "", "", nil, errors.New("a set's ID has no slash")
	}
	if err := ctx.Err(); err != nil {
		return "", "", nil, err
	}
	return kept.Compare(from, to)
}

// differences gives so many as are left, and counts the others.
func differences(all []sets.Difference, left, more *int) []Difference {
	shown := []Difference{}
	for _, d := range all {
		if *left == 0 {
			*more++
			continue
		}
		*left--
		one := Difference{What: string(d.What), Name: plain(d.Name)}
		if len(d.Inside) > 0 {
			one.Inside = differences(d.Inside, left, more)
		}
		shown = append(shown, one)
	}
	return shown
}
