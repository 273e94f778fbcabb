package api

import (
	"context"
	"io"
	"sync"
	"time"
)

// progress ends a context when nothing has moved for so long while something is waited
// for. What is large takes as long as its line needs, and what hangs is noticed all the
// same.
type progress struct {
	ctx  context.Context
	end  context.CancelCauseFunc
	most time.Duration

	mu    sync.Mutex
	waits int // how many wait
	timer *time.Timer
}

// newProgress gives one within ctx whose context ends with late. The caller ends it.
func newProgress(ctx context.Context, most time.Duration, late error) *progress {
	p := &progress{most: most}
	p.ctx, p.end = context.WithCancelCause(ctx)
	p.timer = time.AfterFunc(most, func() { p.end(late) })
	p.timer.Stop()
	return p
}

// begin says that something is waited for, until done is called.
func (p *progress) begin() (done func()) {
	p.count(1)
	return func() { p.count(-1) }
}

func (p *progress) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits += n
	p.restart()
}

// moved says that something has moved.
func (p *progress) moved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restart()
}

func (p *progress) restart() {
	p.timer.Stop()
	if p.waits > 0 {
		p.timer.Reset(p.most)
	}
}

// progressing notes what is read.
type progressing struct {
	io.Reader
	moving *progress
}

func (p progressing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n > 0 {
		p.moving.moved()
	}
	return n, err
}
