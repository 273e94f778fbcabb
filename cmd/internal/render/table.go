package render

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// heads are the columns of the status. The state is painted, and the last one
// goes below the rows where it makes them too long.
var heads = []string{"SERVICE", "STATE", "GENERATION", "SET", "SINCE", "MEMORY", "RESTARTS", "ADDRESS", "PENDING"}

// spare are columns that a narrow terminal does without, the first ones first.
var spare = []string{"MEMORY", "RESTARTS", "SET", "SINCE", "ADDRESS"}

// Status writes the status as a table for a person.
func Status(out io.Writer, s control.Status, now time.Time) error {
	r := reader{console.Coloured(out), func() int { return console.Columns(out) }}
	return r.table(out, s, now)
}

// Well says whether every service is live with the newest artefacts, and no change
// may be missed.
func Well(s control.Status) bool {
	return s.Degraded == "" && !slices.ContainsFunc(s.Services, func(one deployer.Status) bool { return one.State != "live" })
}

// Only gives the status of these services alone; none: of all.
func Only(s control.Status, names []string) control.Status {
	if len(names) > 0 {
		s.Services = slices.DeleteFunc(slices.Clone(s.Services), func(one deployer.Status) bool { return !slices.Contains(names, one.Service) })
	}
	return s
}

// reader is a person who reads the status.
type reader struct {
	colour  bool
	columns func() int // of the terminal, whose size may change; 0 is no end of them
}

// table writes the status.
func (r reader) table(out io.Writer, s control.Status, now time.Time) error {
	rows := [][]string{heads}
	for _, service := range s.Services {
		rows = append(rows, row(service, now))
	}
	width := r.columns()
	g := grid{rows: rows}
	lines := g.fit(width)
	if r.colour { // now, when the columns have their widths
		for i, service := range s.Services {
			lines[i+1] = strings.Replace(lines[i+1], " "+service.State, " "+console.PaintState(service.State), 1)
		}
	}
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(line + "\n")
		if i > 0 && g.below != nil && g.below[i] != "-" {
			b.WriteString(wrap("pending: "+g.below[i], width))
		}
	}
	for _, text := range remarks(s, g.dropped) {
		b.WriteString(text + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// remarks are what there is to say below the table.
func remarks(s control.Status, dropped []string) (lines []string) {
	if len(dropped) > 0 {
		lines = append(lines, "no room for "+strings.Join(dropped, ", ")+": a wider terminal shows more, and --json all")
	}
	for _, service := range s.Services {
		for _, name := range slices.Sorted(maps.Keys(service.Left)) {
			lines = append(lines, name+" cannot be removed yet: "+console.Plain(service.Left[name]))
		}
	}
	if len(s.LeftOut) > 0 {
		lines = append(lines, "left out: "+strings.Join(s.LeftOut, ", ")+"; jarloop run without names brings up all")
	}
	if s.Degraded != "" {
		lines = append(lines, "degraded: "+console.Plain(s.Degraded))
	}
	open, _ := deployer.OpenedTexts(s.MemberPorts)
	lines = append(lines, open...)
	for _, o := range s.Obstacles {
		lines = append(lines, "in the way: "+console.Plain(o))
	}
	return append(lines, fmt.Sprintf("agent %s, process %d, %s", s.Version, s.PID, console.Plain(s.Watching)))
}

// row is what the columns say of a service.
func row(s deployer.Status, now time.Time) []string {
	since, memory, restarts := "", "", ""
	if !s.Since.IsZero() {
		since = max(0, now.Sub(s.Since)).Round(time.Second).String() // a clock may have been set back
	}
	if s.Memory > 0 {
		memory = console.Size(s.Memory)
	}
	if s.Generation != "" {
		restarts = strconv.Itoa(s.Restarts)
	}
	return []string{
		s.Service, s.State, dash(s.Generation), dash(console.Short(s.Set)), dash(since), dash(memory), dash(restarts), dash(s.Address), newest(s),
	}
}

// newest says what is on disk when that is not what serves, and why.
func newest(s deployer.Status) string {
	if len(s.WaitsFor) > 0 {
		return "waits for " + strings.Join(s.WaitsFor, ", ")
	}
	text := dash(string(s.Newest.State))
	if s.State == "none" && s.Newest.State == "" {
		text = "no artefacts yet"
	}
	if s.Newest.State != "" && s.Newest.Set != "" {
		text = console.Short(s.Newest.Set) + " " + text
	}
	if s.Newest.Reason != "" {
		text += ": " + console.Plain(s.Newest.Reason)
	}
	if s.Down != "" {
		text = strings.TrimSuffix("down: "+console.Plain(s.Down)+"; "+text, "; -")
	}
	if s.Diverted != "" {
		text = strings.TrimSuffix("leads to "+s.Diverted+"; "+text, "; -")
	}
	if s.Failed != "" {
		text += "; " + s.Failed + " is kept"
	}
	return text
}

// grid is rows of columns, the first row their heads.
type grid struct {
	rows    [][]string
	below   []string // the last column of each row, where that stands below it
	dropped []string // heads of columns that are not shown
}

// fit gives the lines of the grid, each no longer than width if that can be: first
// the last column goes below the rows, then those go that are spare.
func (g *grid) fit(width int) []string {
	lines := aligned(g.rows)
	if width == 0 || longest(lines) <= width {
		return lines
	}
	last := len(g.rows[0]) - 1
	for i := range g.rows {
		g.below = append(g.below, g.rows[i][last])
	}
	g.drop(last)
	for _, head := range spare {
		if lines = aligned(g.rows); longest(lines) <= width {
			return lines
		}
		g.dropped = append(g.dropped, head)
		g.drop(slices.Index(g.rows[0], head))
	}
	return aligned(g.rows)
}

func (g *grid) drop(column int) {
	for i, row := range g.rows {
		g.rows[i] = slices.Delete(slices.Clone(row), column, column+1)
	}
}

// aligned gives a line for each row.
func aligned(rows [][]string) []string {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // into memory
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func longest(lines []string) (most int) {
	for _, line := range lines {
		most = max(most, utf8.RuneCountInString(line))
	}
	return most
}

// wrap gives text in indented lines that end between words and are no longer than
// width, if that can be.
func wrap(text string, width int) string {
	var b strings.Builder
	line := " "
	for word := range strings.FieldsSeq(text) {
		if utf8.RuneCountInString(line+" "+word) > width && strings.TrimSpace(line) != "" {
			b.WriteString(line + "\n")
			line = "   "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
