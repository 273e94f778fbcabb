package deployer

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
)

// background lets one at a time do what nobody waits for, while no deploy is
// under way.
type background struct {
	owner

	// Of the owner alone.
	deploys int
	busy    bool
	waiting []chan struct{}
}

func newBackground() *background { return &background{owner: newOwner()} }

// begin notes that a deploy is under way, and end that it is not any more.
func (b *background) begin(ctx context.Context) { _ = b.do(ctx, func() { b.deploys++ }) }
func (b *background) end(ctx context.Context) {
	_ = b.do(ctx, func() { b.deploys--; b.next() })
}

// enter waits for its turn. Who has entered has to leave.
func (b *background) enter(ctx context.Context) error {
	turn := make(chan struct{})
	if err := b.do(ctx, func() { b.waiting = append(b.waiting, turn); b.next() }); err != nil {
		return err
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		b.cancel(turn)
		return context.Cause(ctx)
	}
}

// cancel gives a turn back that is not wanted any more, or has just come.
func (b *background) cancel(turn chan struct{}) {
	_ = b.do(context.Background(), func() {
		n := len(b.waiting)
		b.waiting = slices.DeleteFunc(b.waiting, func(c chan struct{}) bool { return c == turn })
		if len(b.waiting) == n {
			b.busy = false
		}
		b.next()
	})
}

func (b *background) leave() {
	_ = b.do(context.Background(), func() { b.busy = false; b.next() })
}

func (b *background) next() {
	if b.deploys == 0 && !b.busy && len(b.waiting) > 0 {
		b.busy = true
		close(b.waiting[0])
		b.waiting = b.waiting[1:]
	}
}

// availableMemory gives the memory, in bytes, that can be had without swapping
// (proc(5), MemAvailable).
func availableMemory() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "MemAvailable:"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo does not say what is available")
}
