package printed

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/logs"
)

// Past reads backwards what services have printed: the newest first, a piece at a
// time, however much there is.
type Past struct {
	Reader
	// File leaves only the lines of the file with that base name, "" for standard output
	// and error; nil: all.
	File *string
	// When says when a line was printed that ends at an offset; the zero time where that
	// is not known. Lines of several services are put in order by it. It may be nil.
	When func(generation, file string, offset int64) time.Time
	// Wanted says which lines are; nil: all.
	Wanted func(text string, level func() string) bool
	// Most is how many lines are wanted, and Bytes about how much is read for them.
	Most  int
	Bytes int64
}

// Earlier is a line that was printed.
type Earlier struct {
	deployer.Line
	Time time.Time // zero: not known
	Cut  bool      // it goes on in the next
	Note bool      // it is about lines that are missing
	// Level is that which the line tells, one of Ranks; "": none.
	Level string
}

// Piece is what was read.
type Piece struct {
	Lines []Earlier // the oldest first
	// Next leads to what lies before; empty: there is nothing.
	Next   string
	Hidden int // lines that were not wanted
	// Ends are where what was there ended, by generation and file: what is printed later
	// begins there.
	Ends map[Where]int64
}

// Where is a file that a generation has printed to; its own output has no name.
type Where struct{ Generation, File string }

// ErrCursor says that what should lead on leads nowhere.
var ErrCursor = errors.New("it is no cursor of an earlier answer")

// place is how far a chain of files was read backwards: to an offset in that of a
// generation; -1: all of it is to be read.
type place struct {
	Number int   `json:"n"`
	Offset int64 `json:"o"`
}

// Before reads a piece that lies before a cursor; with none, the newest.
func (p *Past) Before(ctx context.Context, cursor string) (Piece, error) {
	var places map[string]place
	if cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(cursor)
		if err == nil {
			err = json.Unmarshal(text, &places)
		}
		if err != nil {
			return Piece{}, ErrCursor
		}
	}
	chains, ends, err := p.chains(places)
	defer func() {
		for _, c := range chains {
			c.close()
		}
	}()
	if err != nil {
		return Piece{}, err
	}
	piece := Piece{Ends: ends}
	budget := &budget{left: p.Bytes, window: max(4<<10, min(128<<10, p.Bytes/int64(8*max(1, len(chains)))))}
	var got []Earlier // the newest first
	for len(got) < p.Most && ctx.Err() == nil {
		newest, err := latest(chains, budget)
		if err != nil {
			return Piece{}, err
		}
		if newest == nil {
			break
		}
		if p.Wanted != nil && !p.Wanted(newest.text(), newest.level) {
			newest.next()
			piece.Hidden++
		} else {
			level := newest.level()
			line := newest.next()
			line.Level = level
			got = append(got, line)
		}
	}
	slices.Reverse(got)
	piece.Lines = got
	piece.Next = cursorOf(chains)
	return piece, context.Cause(ctx)
}

// cursorOf says how far chains were read; empty: to their beginnings.
func cursorOf(chains []*chain) string {
	places := map[string]place{}
	for _, c := range chains {
		if at, more := c.at(); more {
			places[c.name] = at
		}
	}
	if len(places) == 0 {
		return ""
	}
	text, _ := json.Marshal(places) // of numbers and texts
	return base64.RawURLEncoding.EncodeToString(text)
}

// budget is how much may still be read.
type budget struct{ left, window int64 }

// latest gives the chain whose next line was printed last; none where all have come to
// their beginning, or no more may be read.
func latest(chains []*chain, b *budget) (*chain, error) {
	var newest *chain
	for _, c := range chains {
		for len(c.lines) == 0 && len(c.files) > 0 {
			if b.left <= 0 {
				return nil, nil
			}
			if err := c.read(b); err != nil {
				return nil, err
			}
		}
		if len(c.lines) > 0 && (newest == nil || c.time().After(newest.time())) {
			newest = c
		}
	}
	return newest, nil
}

// chain is what the generations of a service have printed to a file of one name.
type chain struct {
	name   string          // of the service and the file
	ends   map[Where]int64 // where its files ended at the beginning
	files  []file          // those that are not read whole; the last one is the one that is read
	end    int64           // what lies before it in that one is to be read; -1: it is not known yet
	open   *os.File
	lines  []Earlier      // read, and not given yet; the newest last
	begin  int64          // where the first of them begins
	more   bool           // there is something before
	above  string         // the level of the line before them, where that says theirs
	levels map[int]string // of those of the lines that are known
	last   time.Time      // no line that is given was printed later
	when   func(generation, file string, offset int64) time.Time
}

// chains gives those of the services, as far as places says that there is something
// to be read; nil: all of it.
func (p *Past) chains(places map[string]place) (all []*chain, ends map[Where]int64, err error) {
	ends = map[Where]int64{}
	services, err := p.files()
	if err != nil {
		return nil, nil, err
	}
	for i, service := range p.Services {
		by := map[string]*chain{}
		for _, f := range services[i] {
			if p.File != nil && f.File != *p.File {
				continue
			}
			name := service + "/" + f.File
			at, there := places[name]
			if places != nil && !there {
				continue
			}
			if by[name] == nil {
				by[name] = &chain{name: name, end: -1, when: p.When, ends: ends}
				all = append(all, by[name])
			}
			c := by[name]
			if places != nil && slices.ContainsFunc(c.files, func(g file) bool { return g.Number == at.Number }) {
				continue // those come after it
			}
			if places == nil {
				ends[Where{f.Generation(), f.File}] = f.ends()
			}
			c.files = append(c.files, f)
		}
		for name, c := range by {
			if at, there := places[name]; there && len(c.files) > 0 && c.files[len(c.files)-1].Number == at.Number {
				c.end = at.Offset
			}
		}
	}
	return all, ends, nil
}

// ends gives where its last line ends.
func (f file) ends() int64 {
	open, err := f.open()
	if err != nil {
		return 0
	}
	defer open.Close()
	end, _, err := logs.End(open)
	if err != nil {
		return 0
	}
	return end
}

// time is when its next line was printed, as far as it is known: no later than what
// was given already.
func (c *chain) time() time.Time {
	l := c.lines[len(c.lines)-1]
	t := l.Time
	if t.IsZero() {
		t = c.files[len(c.files)-1].written
	}
	if !c.last.IsZero() && t.After(c.last) {
		t = c.last
	}
	return t
}

// text is that of its next line, and level its level.
func (c *chain) text() string { return c.lines[len(c.lines)-1].Text }

func (c *chain) level() string { return c.levelAt(len(c.lines) - 1) }

// levelAt gives the level of one of the lines. A long stack trace is gone up once.
func (c *chain) levelAt(i int) string {
	if i < 0 {
		return c.above
	}
	level, known := c.levels[i]
	if !known {
		if c.lines[i].Note {
			level = c.levelAt(i - 1)
		} else {
			level = levelOf(c.lines[i].Text, func() string { return c.levelAt(i - 1) })
		}
		c.levels[i] = level
	}
	return level
}

// next takes the line that was printed last.
func (c *chain) next() Earlier {
	c.last = c.time()
	l := c.lines[len(c.lines)-1]
	c.lines = c.lines[:len(c.lines)-1]
	if n := len(c.lines); n > 0 {
		c.end = c.lines[n-1].Offset
	} else {
		c.end = c.begin
		c.step()
	}
	return l
}

// step goes on to the file before when one is read whole.
func (c *chain) step() {
	if c.more || len(c.lines) > 0 {
		return
	}
	c.close()
	c.files, c.end = c.files[:len(c.files)-1], -1
}

// at is how far it was read, and whether there is more.
func (c *chain) at() (place, bool) {
	if len(c.files) == 0 {
		return place{}, false
	}
	return place{c.files[len(c.files)-1].Number, c.end}, true
}

func (c *chain) close() {
	if c.open != nil {
		c.open.Close()
		c.open = nil
	}
}

// read reads the lines before those that were given.
func (c *chain) read(b *budget) error {
	f := c.files[len(c.files)-1]
	if c.open == nil {
		open, err := f.open()
		if errors.Is(err, fs.ErrNotExist) {
			c.more = false
			c.step()
			return nil
		}
		if err != nil {
			return f.wrong(err)
		}
		c.open = open
	}
	if err := c.from(f); err != nil {
		return f.wrong(err)
	}
	lines, begin, more, err := logs.Before(c.open, c.end, b.window)
	if err != nil {
		return f.wrong(err)
	}
	b.left -= max(b.window, c.end-begin)
	c.begin, c.more = begin, more
	c.above = ""
	if more && len(lines) > 0 && goesOn.MatchString(lines[0].Text) {
		above, _, _, _ := logs.Before(c.open, begin, lookAbove) // else it tells no level
		var levels Levels
		for _, l := range above {
			c.above = levels.Of(l.Text)
		}
	}
	c.take(f, lines)
	if len(c.lines) == 0 {
		c.end = begin
	}
	c.step()
	return nil
}

// lookAbove is where the line is looked for, in bytes, that a stack trace belongs to.
const lookAbove = 16 << 10

// from finds where to begin in a file.
func (c *chain) from(f file) error {
	end, size, err := logs.End(c.open)
	if err != nil {
		return err
	}
	if c.end >= 0 {
		c.end = min(c.end, size)
		return nil
	}
	if c.end = size; time.Since(f.written) < stillWritten {
		c.end = end // who follows it gets that one when it has an end
	}
	if known, there := c.ends[Where{f.Generation(), f.File}]; there && c.end > known && end > known {
		c.end = known
	}
	return nil
}

// stillWritten is for how long after it was written to a line may still get its end.
const stillWritten = 2 * time.Second

// take makes lines of a file those that come next.
func (c *chain) take(f file, lines []logs.Line) {
	c.lines, c.levels = c.lines[:0], map[int]string{}
	for _, l := range lines {
		if guest.IsJVMNote(l.Text) {
			continue
		}
		e := Earlier{Cut: l.Cut, Note: l.Note, Line: deployer.Line{
			Service: f.Service, Generation: f.Generation(), File: f.File, Text: l.Text, Coloured: l.Coloured, Offset: l.Offset, Unfinished: l.Unfinished,
		}}
		if c.when != nil {
			e.Time = c.when(f.Generation(), f.File, l.Offset)
		}
		c.lines = append(c.lines, e)
	}
}
