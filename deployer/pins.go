package deployer

import (
	"reflect"

	"github.com/jarloop/jarloop/deployer/history"
)

// pinning gives the newest deploy that a person has decided and that has not come
// to its end: it is wanted, under way, or tried again by itself. nil if there is
// none.
func (l *loop) pinning() *request {
	all := []*request{l.wanted}
	if l.attempt != nil {
		all = append(all, l.attempt.request)
	}
	if l.retry != nil {
		all = append(all, l.retry.request)
	}
	for _, r := range all {
		if r != nil && r.pins {
			return r
		}
	}
	return nil
}

// decided gives what a person has decided that has been live: what is under way
// may still fail.
func (l *loop) decided() *history.Pin {
	if r := l.pinning(); r != nil {
		return r.revert
	}
	return l.page.Pin
}

// decide settles what a person has decided with a request: of one that has failed
// it is as if it had not been; one that was cut off, or is tried again, stays to
// be done.
func (l *loop) decide(r *request, res Result) {
	switch next := l.wanted; {
	case !r.pins:
	case res.Err == nil && next != nil && next.pins:
		next.revert = r.pin
	case res.Err == nil || res.Open() || next != nil && next.pins:
	default:
		l.amend(func(p *history.Page) {
			if reflect.DeepEqual(p.Pin, r.pin) { // no new bytes have come meanwhile
				p.Pin = r.revert
			}
		})
	}
}
