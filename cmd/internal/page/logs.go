package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/printed"
	"github.com/jarloop/jarloop/deployer"
)

const (
	usualLines, mostLines = 500, 2000
	// mostRead is how much of what was printed is read for one answer, in bytes.
	mostRead = 4 << 20
	// gatherLines is for how long lines are gathered that are sent together.
	gatherLines = 50 * time.Millisecond
	// mostPattern bounds what is looked for.
	mostPattern = 1000
)

// Line is one line that a service has printed.
type Line struct {
	Service    string    `json:"service"`
	Generation string    `json:"generation,omitempty"`
	File       string    `json:"file"`
	Text       string    `json:"text"`
	ANSI       string    `json:"ansi,omitempty"`
	Level      string    `json:"level,omitempty"`
	Offset     int64     `json:"offset,omitempty"`
	Time       time.Time `json:"time,omitzero"`
	Partial    bool      `json:"partial,omitempty"`
	Cut        bool      `json:"cut,omitempty"`
	Note       bool      `json:"note,omitempty"`
}

// Lines is what was read of the past.
type Lines struct {
	Lines  []Line `json:"lines"`
	Before string `json:"before,omitempty"`
	Hidden int    `json:"hidden"`
	Done   bool   `json:"done"`
}

// More is what was printed since.
type More struct {
	Lines  []Line `json:"lines,omitempty"`
	Hidden int    `json:"hidden,omitempty"`
}

// filter says which lines somebody wants to see.
type filter struct {
	services   []string
	generation int
	file       *string
	text       string // in lower case
	pattern    *regexp.Regexp
	level      string
	limit      int
}

// unwanted says what is wrong with what somebody asks for.
type unwanted struct{ error }

// filterOf reads a filter; names are the services that there are.
func filterOf(q url.Values, names []string) (f filter, err error) {
	wrong := func(format string, args ...any) (filter, error) { return f, unwanted{fmt.Errorf(format, args...)} }
	f = filter{services: q["service"], text: strings.ToLower(q.Get("q")), level: q.Get("level"), limit: usualLines}
	for _, name := range f.services {
		if !slices.Contains(names, name) {
			return wrong("no service %q; there are: %s", plain(name), strings.Join(names, ", "))
		}
	}
	slices.Sort(f.services)
	if f.services = slices.Compact(f.services); len(f.services) == 0 {
		f.services = names
	}
	if text := q.Get("generation"); text != "" {
		if f.generation, err = strconv.Atoi(text); err != nil || f.generation <= 0 || len(f.services) != 1 {
			return wrong("generation is a number, with one service")
		}
	}
	if q.Has("file") {
		file := q.Get("file")
		if file == "out" {
			file = ""
		}
		f.file = &file
	}
	if len(q.Get("q")) > mostPattern || len(q.Get("regexp")) > mostPattern {
		return wrong("look for at most %d characters", mostPattern)
	}
	if text := q.Get("regexp"); text != "" {
		if f.pattern, err = regexp.Compile(text); err != nil {
			return wrong("%v", err)
		}
	}
	if f.level != "" && !slices.Contains(printed.Ranks, f.level) {
		return wrong("level is one of %s", strings.Join(printed.Ranks, ", "))
	}
	for _, key := range []string{"limit", "tail"} {
		if text := q.Get(key); text != "" {
			if f.limit, err = strconv.Atoi(text); err != nil || f.limit < 0 || f.limit > mostLines || f.limit == 0 && key == "limit" {
				return wrong("%s is a number up to %d", key, mostLines)
			}
		}
	}
	return f, nil
}

// wants says whether a line is one that is looked for.
func (f filter) wants(text string, level func() string) bool {
	return (f.text == "" || strings.Contains(strings.ToLower(text), f.text)) &&
		(f.pattern == nil || f.pattern.MatchString(text)) &&
		(f.level == "" || printed.AtLeast(level(), f.level))
}

// from says whether a line is of what is read.
func (f filter) from(l deployer.Line) bool {
	return slices.Contains(f.services, l.Service) && (f.file == nil || *f.file == l.File) &&
		(f.generation == 0 || l.Generation == f.services[0]+"-"+strconv.Itoa(f.generation))
}

// names are the services whose lines can be asked for.
func (s *Server) names() []string {
	var names []string
	for _, d := range s.hub.system.Load().Services {
		names = append(names, d.Name)
	}
	for _, one := range s.Agent.Shown() {
		if !slices.Contains(names, one.Service) {
			names = append(names, one.Service)
		}
	}
	return names
}

// past reads what was printed.
func (s *Server) past(ctx context.Context, f filter, cursor string) (Lines, map[printed.Where]int64, error) {
	p := printed.Past{
		Reader: printed.Reader{Logs: s.Folders.Logs, Record: s.Record, Services: f.services, Generation: f.generation},
		File:   f.file, When: s.lines.when, Most: f.limit, Bytes: mostRead,
		Wanted: f.wants,
	}
	piece, err := p.Before(ctx, cursor)
	if errors.Is(err, printed.ErrCursor) {
		err = unwanted{err}
	}
	all := Lines{Lines: []Line{}, Before: piece.Next, Hidden: piece.Hidden, Done: piece.Next == ""}
	for _, e := range piece.Lines {
		all.Lines = append(all.Lines, Line{
			Service: e.Service, Generation: e.Generation, File: e.File, Text: e.Text, ANSI: e.Coloured, Level: e.Level,
			Offset: e.Offset, Time: e.Time, Partial: e.Unfinished, Cut: e.Cut, Note: e.Note,
		})
	}
	return all, piece.Ends, err
}

// older gives lines that were printed before others.
func (s *Server) older(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f, err := filterOf(q, s.names())
	var all Lines
	if err == nil {
		all, _, err = s.past(r.Context(), f, q.Get("before"))
	}
	if err != nil {
		s.unread(w, err)
		return
	}
	reply(w, http.StatusOK, all)
}

func (s *Server) unread(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if errors.As(err, &unwanted{}) {
		status = http.StatusBadRequest
	}
	refuse(w, &refusal{status, plain(err.Error())})
}

// following streams the last lines, and then those that come.
func (s *Server) following(w http.ResponseWriter, r *http.Request) {
	f, err := filterOf(r.URL.Query(), s.names())
	if err != nil {
		s.unread(w, err)
		return
	}
	t := s.openStream(w, r)
	if t == nil {
		return
	}
	defer s.closeStream()
	first := []byte("retry: 1000\n\n")
	for s.follow(t, f, first) {
		first = nil
	}
	if s.ending(t.ctx) {
		t.bye()
	}
}

// follow streams the last lines and those that come, until the client has gone, or is
// too slow, which begins anew.
func (s *Server) follow(t *stream, f filter, first []byte) (again bool) {
	listener := s.lines.listen() // before the past is read: so there is no gap
	defer s.lines.leave(listener)
	last, ends, err := s.past(t.ctx, f, "")
	if err != nil {
		t.write(frame("", "bye", encoded(failure{plain(err.Error())})))
		return false
	}
	if !t.write(append(first, frame("", "start", encoded(last))...)) {
		return false
	}
	c := coming{filter: f, ends: ends, levels: map[printed.Where]*printed.Levels{}}
	for _, l := range last.Lines {
		c.level(printed.Where{Generation: l.Generation, File: l.File}, l.Text)
	}
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	var gathered <-chan time.Time
	for !listener.lost.Load() {
		select {
		case <-t.ctx.Done():
			return false
		case <-alive.C:
			if gathered == nil && !t.write([]byte(": alive\n\n")) {
				return false
			}
		case l := <-listener.came:
			c.take(l)
			if gathered == nil {
				gathered = time.After(gatherLines)
			}
			if len(c.lines) < mostLines {
				break
			}
			gathered = nil
			if !c.give(t) {
				return false
			}
		case <-gathered:
			gathered = nil
			if !c.give(t) {
				return false
			}
		}
	}
	return true
}

// coming are lines that are gathered for one client.
type coming struct {
	filter
	ends   map[printed.Where]int64 // what was printed up to there is known
	levels map[printed.Where]*printed.Levels
	lines  []Line
	hidden int
}

func (c *coming) level(where printed.Where, text string) string {
	if c.levels[where] == nil {
		if len(c.levels) > mostTracks { // of generations that are gone
			clear(c.levels)
		}
		c.levels[where] = &printed.Levels{}
	}
	return c.levels[where].Of(text)
}

// take takes a line that was printed just now.
func (c *coming) take(l live) {
	if !c.from(l.Line) {
		return
	}
	where := printed.Where{Generation: l.Generation, File: l.File}
	if l.Offset > 0 && !l.Unfinished && l.Offset <= c.ends[where] {
		return
	}
	level := ""
	if !l.Unfinished {
		level = c.level(where, l.Text)
	}
	if !c.wants(l.Text, func() string { return level }) {
		if !l.Unfinished {
			c.hidden++
		}
		return
	}
	c.lines = append(c.lines, Line{
		Service: l.Service, Generation: l.Generation, File: l.File, Text: l.Text, ANSI: l.Coloured, Level: level,
		Offset: l.Offset, Time: l.at, Partial: l.Unfinished,
	})
}

// give sends what was gathered.
func (c *coming) give(t *stream) bool {
	if len(c.lines) == 0 && c.hidden == 0 {
		return true
	}
	data := encoded(More{c.lines, c.hidden})
	c.lines, c.hidden = nil, 0
	return t.write(frame("", "lines", data))
}
