package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options say whom to tell what. The zero Options tell nobody.
type Options struct {
	Command []string // argv; none: no command
	Webhook string   // receives each event by POST; "": none
	Events  []string // those to tell
	Timeout time.Duration
}

// waiting is how many events may wait to be told.
const waiting = 64

// Notifier tells events.
type Notifier struct {
	warn  func(text string)
	queue chan Event

	mu      sync.Mutex
	options Options
	dropped int    // since that was last said
	failure string // that was said last; "": the last event was told well
}

// New makes a Notifier. warn is told what goes wrong, the same thing once, and must
// not call it.
func New(o Options, warn func(text string)) *Notifier {
	return &Notifier{warn: warn, options: o, queue: make(chan Event, waiting)}
}

// Set has events told as o says from now on.
func (n *Notifier) Set(o Options) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.options = o
}

// Tell has the event told if it is one of those to tell. It does not wait: where too
// many wait already, the event is dropped, and that is said.
func (n *Notifier) Tell(e Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.options.wants(e.Event) {
		return
	}
	select {
	case n.queue <- e:
	default:
		if n.dropped++; n.dropped == 1 {
			n.warn(fmt.Sprintf("notify: %d events wait to be told: what comes now is dropped", waiting))
		}
	}
}

func (o Options) wants(event string) bool {
	return (len(o.Command) > 0 || o.Webhook != "") && slices.Contains(o.Events, event)
}

// Run tells events until ctx ends; those that still wait are not told then.
func (n *Notifier) Run(ctx context.Context) {
	for {
		select {
		case e := <-n.queue:
			n.mu.Lock()
			o := n.options
			n.mu.Unlock()
			err := o.tell(ctx, e)
			if ctx.Err() != nil {
				return
			}
			n.note(err)
		case <-ctx.Done():
			return
		}
	}
}

// note says what has gone wrong, unless that was said of the event before.
func (n *Notifier) note(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	failure := ""
	if err != nil {
		failure = "notify: " + err.Error()
	}
	if failure != "" && failure != n.failure {
		n.warn(failure)
	}
	n.failure = failure
	if n.dropped > 0 && len(n.queue) < waiting {
		n.warn(fmt.Sprintf("notify: %d events were dropped", n.dropped))
		n.dropped = 0
	}
}

// tell tells one event to all who are to be told.
func (o Options) tell(ctx context.Context, e Event) error {
	var errs []error
	if len(o.Command) > 0 {
		last := ""
		err := Run(ctx, o.Command, o.Timeout, e, func(text string) { last = text })
		if err != nil && last != "" {
			err = fmt.Errorf("%w: %s", err, last)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("command: %w", err))
		}
	}
	if o.Webhook != "" {
		if err := o.post(ctx, e); err != nil {
			errs = append(errs, fmt.Errorf("webhook: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (o Options) post(ctx context.Context, e Event) error {
	text, err := e.json()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.Webhook, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "jarloop")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be used again
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s answers %s", o.Webhook, response.Status)
	}
	return nil
}
