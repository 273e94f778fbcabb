package page

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/printed"
	"github.com/jarloop/jarloop/deployer"
)

// lines hands on what services print, and knows when they have printed it. Those who
// print never wait: a reader who is too slow is told so, and begins anew.
type lines struct {
	readers atomic.Pointer[[]*listener] // a slice is never changed
	tracks  sync.Map                    // printed.Where → *track
}

// listener is one who is given lines.
type listener struct {
	came chan live
	lost atomic.Bool // a line was, since there was no room
}

// live is a line that was printed just now.
type live struct {
	deployer.Line
	at time.Time
}

const (
	// mostWaiting lines wait for a reader.
	mostWaiting = 8192
	// mostMarks and mostTracks bound what is known of when lines were printed.
	mostMarks, mostTracks = 512, 512
	// markEvery is how exactly that is known.
	markEvery = time.Second
)

// track is when the lines of a file were printed. Who prints them adds to it, one
// goroutine at a time; marks that are shown are never changed.
type track struct{ marks atomic.Pointer[[]mark] }

// mark says when the line was read that ends at an offset. Those after it up to the
// next mark were read within the same second.
type mark struct {
	offset int64
	at     time.Time
}

func newLines() *lines {
	l := &lines{}
	l.readers.Store(&[]*listener{})
	return l
}

// listen begins to give lines to a new listener.
func (l *lines) listen() *listener {
	r := &listener{came: make(chan live, mostWaiting)}
	for {
		was := l.readers.Load()
		next := append(slices.Clone(*was), r)
		if l.readers.CompareAndSwap(was, &next) {
			return r
		}
	}
}

func (l *lines) leave(r *listener) {
	for {
		was := l.readers.Load()
		next := slices.DeleteFunc(slices.Clone(*was), func(o *listener) bool { return o == r })
		if l.readers.CompareAndSwap(was, &next) {
			return
		}
	}
}

// line hands on one line. It does not wait.
func (l *lines) line(line deployer.Line, now time.Time) {
	if line.Offset > 0 && !line.Unfinished {
		l.note(printed.Where{Generation: line.Generation, File: line.File}, line.Offset, now)
	}
	for _, r := range *l.readers.Load() {
		select {
		case r.came <- live{line, now}:
		default:
			r.lost.Store(true)
		}
	}
}

// note notes when a line was printed.
func (l *lines) note(where printed.Where, offset int64, now time.Time) {
	var marks []mark
	t, known := l.tracks.Load(where)
	if known {
		marks = *t.(*track).marks.Load()
	} else {
		l.forget()
		t = &track{}
	}
	if n := len(marks); n > 0 {
		last := marks[n-1]
		if offset < last.offset { // another file by that name
			marks = nil
		} else if now.Sub(last.at) < markEvery {
			return
		}
	}
	if len(marks) >= mostMarks {
		var fewer []mark
		for i := 0; i < len(marks); i += 2 {
			fewer = append(fewer, marks[i])
		}
		marks = fewer
	}
	marks = append(marks, mark{offset, now})
	t.(*track).marks.Store(&marks)
	if !known {
		l.tracks.Store(where, t)
	}
}

// forget drops what was printed to last a long time ago, where there is too much.
func (l *lines) forget() {
	type old struct {
		where any
		at    time.Time
	}
	var all []old
	l.tracks.Range(func(where, t any) bool {
		marks := *t.(*track).marks.Load()
		all = append(all, old{where, marks[len(marks)-1].at})
		return true
	})
	if len(all) < mostTracks {
		return
	}
	slices.SortFunc(all, func(a, b old) int { return a.at.Compare(b.at) })
	for _, o := range all[:mostTracks/4] {
		l.tracks.Delete(o.where)
	}
}

// when says when the line was printed that ends at an offset; zero: it is not known.
func (l *lines) when(generation, file string, offset int64) time.Time {
	t, known := l.tracks.Load(printed.Where{Generation: generation, File: file})
	if !known {
		return time.Time{}
	}
	marks := *t.(*track).marks.Load()
	i, exact := slices.BinarySearchFunc(marks, offset, func(m mark, offset int64) int { return int(min(1, max(-1, m.offset-offset))) })
	if exact {
		return marks[i].at
	}
	if i == 0 {
		return time.Time{}
	}
	return marks[i-1].at
}
