package deployer

import (
	"context"
	"sync/atomic"
)

// follower follows what a generation prints.
type follower struct {
	cancel context.CancelFunc
	done   chan struct{}
	// matched says that a line was what health.log looks for.
	matched atomic.Bool
}

// finish ends the following of what a generation prints, when the last line has
// been read.
func (g *Generation) finish() {
	if g != nil {
		g.output.finish()
	}
}

// finish ends the following when the last line has been read.
func (f *follower) finish() {
	if f == nil {
		return
	}
	f.cancel()
	<-f.done
}
