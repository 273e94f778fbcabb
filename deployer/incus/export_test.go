package incus

import "time"

// SetStalled has nothing be heard of a call that brings files for no longer than that.
func (e *Engine) SetStalled(most time.Duration) { e.stalled = most }
