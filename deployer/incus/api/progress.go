package api

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// Progress ends a context when nothing has moved for so long while something is waited
// for. What is large takes as long as its line needs, and what hangs is noticed all the
// same.
type Progress struct {
	ctx   context.Context
	end   context.CancelCauseFunc
	most  time.Duration
	late  error
	waits atomic.Int64 // how many wait
	moved atomic.Int64 // when something did last, in nanoseconds since began
	began time.Time
	timer *time.Timer // runs while somebody waits
}

// NewProgress gives one, with a context within ctx that ends with late. The caller ends it.
func NewProgress(ctx context.Context, most time.Duration, late error) *Progress {
	p := &Progress{most: most, late: late, began: time.Now()}
	p.ctx, p.end = context.WithCancelCause(ctx)
	p.timer = time.AfterFunc(most, p.look)
	return p
}

// Context is the one that ends.
func (p *Progress) Context() context.Context { return p.ctx }

// End ends it, since it is not needed any more.
func (p *Progress) End() {
	p.end(nil)
	p.timer.Stop()
}

// Begin says that something is waited for, until done is called.
func (p *Progress) Begin() (done func()) {
	p.Moved() // first, so that nobody is seen to wait for longer
	p.waits.Add(1)
	p.timer.Reset(p.most)
	return func() {
		p.Moved() // others that wait begin anew
		p.waits.Add(-1)
	}
}

// Moved says that something has moved.
func (p *Progress) Moved() { p.moved.Store(int64(time.Since(p.began))) }

// look ends the context where nothing has moved for so long, and looks again when that may
// be.
func (p *Progress) look() {
	if p.ctx.Err() != nil || p.waits.Load() == 0 {
		return // who begins has it look again
	}
	left := p.most - (time.Since(p.began) - time.Duration(p.moved.Load()))
	if left <= 0 {
		p.end(p.late)
		return
	}
	p.timer.Reset(left)
}

// progressing notes what is read.
type progressing struct {
	io.Reader
	moving *Progress
}

func (p progressing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n > 0 {
		p.moving.Moved()
	}
	return n, err
}
