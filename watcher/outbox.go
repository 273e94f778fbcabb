package watcher

import "slices"

// outbox holds the events that are to be delivered, so that the loop goes on
// while an event is dealt with.
type outbox struct {
	out   chan delivery
	queue []delivery
}

// delivery is an event, or what is to be closed when those before it are dealt
// with.
type delivery struct {
	event Event
	of    *mail // nil: of no service that there still is
	done  chan struct{}
}

// mail is what is on its way of one service.
type mail struct {
	queued  int  // events that are not delivered yet
	awaited bool // Changed was delivered, and nothing that follows it
}

// first gives what to deliver next, and where to; nil: nothing.
func (o *outbox) first() (chan<- delivery, delivery) {
	if len(o.queue) == 0 {
		return nil, delivery{}
	}
	return o.out, o.queue[0]
}

// add has events delivered; of nil: that concern no service, or none any more.
func (o *outbox) add(of *mail, events ...Event) {
	for _, e := range events {
		o.queue = append(o.queue, delivery{event: e, of: of})
		if of != nil {
			of.queued++
		}
	}
}

// delivered takes note that the first is delivered.
func (o *outbox) delivered() {
	d := o.queue[0]
	o.queue = o.queue[1:]
	if m, kind := d.of, d.event.Kind; m != nil {
		m.queued--
		m.awaited = kind == Changed || m.awaited && (kind == Degraded || kind == Restored)
	}
}

// drop ends what is on its way of a service, a change that was reported included.
func (o *outbox) drop(service string, of *mail) {
	o.queue = slices.DeleteFunc(o.queue, func(d delivery) bool { return d.of == of })
	if of.awaited {
		o.add(nil, Event{Kind: Same, Service: service})
	}
}

// close has done closed when all that was added before is dealt with.
func (o *outbox) close(done chan struct{}) {
	o.queue = append(o.queue, delivery{done: done})
}
