package api

import (
	"context"
	"io"
	"sync"
	"time"
)

// Progress ends a context when nothing has moved for so long while something is waited
// for. What is large takes as long as its line needs, and what hangs is noticed all the
// same.
type Progress struct {
	ctx  context.Context
	end  context.CancelCauseFunc
	most time.Duration

	mu    sync.Mutex
	waits int // how many wait
	timer *time.Timer
}

// NewProgress gives one, with a context within ctx that ends with late. The caller ends it.
func NewProgress(ctx context.Context, most time.Duration, late error) *Progress {
	p := &Progress{most: most}
	p.ctx, p.end = context.WithCancelCause(ctx)
	p.timer = time.AfterFunc(most, func() { p.end(late) })
	p.timer.Stop()
	return p
}

// Context is the one that ends.
func (p *Progress) Context() context.Context { return p.ctx }

// End ends it, since it is not needed any more.
func (p *Progress) End() { p.end(nil) }

// Begin says that something is waited for, until done is called.
func (p *Progress) Begin() (done func()) {
	p.count(1)
	return func() { p.count(-1) }
}

func (p *Progress) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits += n
	p.restart()
}

// Moved says that something has moved.
func (p *Progress) Moved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restart()
}

func (p *Progress) restart() {
	p.timer.Stop()
	if p.waits > 0 {
		p.timer.Reset(p.most)
	}
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
