package logs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// Line is one line of what a service prints.
type Line struct {
	// Text is the line, cleaned (Clean), without its end.
	Text string
	// Coloured is the same with the colours that it was printed in; empty where it
	// has none.
	Coloured string
	// Unfinished says that the line is being written anew after carriage returns, as
	// progress bars are: it has no end yet, and comes again, whole at last.
	Unfinished bool
	// Offset is where the next line starts: Follow goes on from there.
	Offset int64
	// Cut says that the line is longer than 64 KiB and goes on in the next
	// one; the text ends with a mark.
	Cut bool
	// Note says that the text is not the service's: it is about lines that
	// are missing.
	Note bool
}

// Options are how a file is followed. The zero value is of use.
type Options struct {
	// Keep is about how many bytes of the file remain on the disk (Bound);
	// 0 leaves it alone. What has not been read is kept too, up to sixteen
	// times that: one that prints faster than it can be read for long loses
	// lines, and a note says how many bytes.
	Keep int64
	// Poll is how often the file is looked at; 50 ms if zero and Look is nil.
	Poll time.Duration
	// Look receives when the file is to be looked at.
	Look <-chan struct{}
	// Given is called when the lines of a file before an offset have been given,
	// once for all that came with one look.
	Given func(f *os.File, offset int64)
}

// overrun is how many times Options.Keep a file may take up for a reader that
// is behind.
const overrun = 16

// lookAgain is how often it is asked whether the name stands for another file
// by now.
const lookAgain = time.Second

// gather is for how long more is waited for after the first that was written.
const gather = 5 * time.Millisecond

// Follow gives each line of a file to emit as it appears, from an offset on,
// until ctx ends, and then those that are there by that time, an unfinished
// one included. It returns the offset to go on from.
//
// The file is opened by open, and may not be there yet. When it becomes
// shorter, or open gives another file (it was rotated), the lines of the new
// one follow from its start. The offset belongs to the file it was got from;
// one that is beyond the end starts anew.
//
// An error does not end the following, because what cannot be opened or read
// now may be later: the last one that still stood when ctx ended is returned.
// With Options.Keep, open must open for writing too, as Open does.
func Follow(ctx context.Context, open func() (*os.File, error), offset int64, opt Options, emit func(Line)) (int64, error) {
	if opt.Poll <= 0 && opt.Look == nil {
		opt.Poll = 50 * time.Millisecond
	}
	fl := &follower{open: open, keep: opt.Keep, given: opt.Given, reader: reader{pos: offset, emit: emit}}
	defer fl.close()
	var ticks <-chan time.Time
	if opt.Poll > 0 {
		t := time.NewTicker(opt.Poll)
		defer t.Stop()
		ticks = t.C
	}
	for ctx.Err() == nil {
		if fl.step(time.Now()) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-ticks:
		case <-opt.Look:
			// What prints much is read in pieces, not by the line.
			select {
			case <-ctx.Done():
			case <-time.After(gather):
			}
		}
	}
	fl.drain()
	return fl.pos, fl.err
}

// follower reads one file after the other.
type follower struct {
	reader
	open   func() (*os.File, error)
	keep   int64
	file   *os.File // closed by close
	looked time.Time
	freed  int64 // what lies before it has been given back
	given  func(f *os.File, offset int64)
	err    error // of the last attempt
}

func (fl *follower) close() {
	if fl.file != nil {
		fl.file.Close()
	}
}

// step reads a piece, and says whether there was one.
func (fl *follower) step(now time.Time) bool {
	if fl.file == nil {
		fl.look(now)
	}
	if fl.file == nil {
		return false
	}
	more, err := fl.read(fl.file)
	if fl.err = err; err == nil && fl.keep > 0 {
		fl.err = fl.bound()
	}
	if more {
		fl.say()
	}
	if !more && now.Sub(fl.looked) >= lookAgain {
		return fl.look(now)
	}
	return more && err == nil
}

// look opens the file, or sees whether it is another by now.
func (fl *follower) look(now time.Time) (changed bool) {
	fl.looked = now
	f, err := fl.open()
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			fl.err = err
		} else if fl.file == nil {
			fl.err = nil // not there yet
		}
		return false
	}
	if fl.file == nil {
		fl.file = f
		return true
	}
	if same(fl.file, f) {
		f.Close()
		return false
	}
	fl.drain()
	fl.file.Close()
	fl.file, fl.pos, fl.freed, fl.skip = f, 0, 0, false
	return true
}

// drain reads what is there now, however much is written meanwhile, and ends
// the line that was begun.
func (fl *follower) drain() {
	if fl.file == nil {
		fl.look(time.Now())
	}
	if fl.file == nil {
		return
	}
	info, err := fl.file.Stat()
	if err != nil {
		fl.err = err
		return
	}
	for fl.pos < info.Size() {
		more, err := fl.read(fl.file)
		if err != nil {
			fl.err = err
		}
		if !more || err != nil {
			break
		}
	}
	fl.flush()
	fl.say()
}

// say says how far the lines go that have been given.
func (fl *follower) say() {
	if fl.given != nil {
		fl.given(fl.file, fl.pos-int64(len(fl.line)))
	}
}

// bound keeps the file from growing on the disk, behind the reader if that is
// not too far behind.
func (fl *follower) bound() error {
	info, err := fl.file.Stat()
	if err != nil {
		return err
	}
	used, before := allocated(info), info.Size()-fl.keep
	if used <= 2*fl.keep {
		return nil
	}
	if unread := fl.pos - int64(len(fl.line)); used <= overrun*fl.keep {
		before = min(before, unread)
	}
	if info.Size() < fl.freed { // emptied meanwhile
		fl.freed = 0
	}
	if before-fl.freed < fl.keep/4 {
		return nil // not worth a call yet
	}
	emptied, err := release(fl.file, before)
	if err != nil {
		return err
	}
	fl.freed = before
	if emptied {
		fl.freed = 0
		fl.missing(max(0, info.Size()-fl.pos))
		fl.pos, fl.skip = 0, false
	}
	return nil
}

func same(a, b *os.File) bool {
	x, errX := a.Stat()
	y, errY := b.Stat()
	return errX == nil && errY == nil && os.SameFile(x, y)
}
