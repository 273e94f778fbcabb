package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Options say who is notified of what. The zero Options notify nobody.
type Options struct {
	Command []string // argv; none: no command
	Webhook string   // receives each event by POST; "": none
	Events  []string // those to send
	Timeout time.Duration
}

// waiting is how many events may wait to be sent.
const waiting = 64

// Notifier sends events to a command and a webhook.
type Notifier struct {
	warn    func(text string)
	queue   chan Event
	options atomic.Pointer[Options]
	dropped atomic.Int64 // since that was last reported
}

// New makes a Notifier. warn receives what goes wrong, the same thing once; it may
// be called by several goroutines and must not call the Notifier.
func New(o Options, warn func(text string)) *Notifier {
	n := &Notifier{warn: warn, queue: make(chan Event, waiting)}
	n.Set(o)
	return n
}

// Set replaces the options. An event that is being sent keeps the old ones.
func (n *Notifier) Set(o Options) { n.options.Store(&o) }

// Tell queues the event if it is one of those to send. It does not wait: where too
// many wait already, the event is dropped, which is reported to warn.
func (n *Notifier) Tell(e Event) {
	if !n.options.Load().wants(e.Event) {
		return
	}
	select {
	case n.queue <- e:
	default:
		if n.dropped.Add(1) == 1 {
			n.warn(fmt.Sprintf("notify: %d events wait to be sent: what comes now is dropped", waiting))
		}
	}
}

func (o *Options) wants(event string) bool {
	return (len(o.Command) > 0 || o.Webhook != "") && slices.Contains(o.Events, event)
}

// Run sends events until ctx ends; those that still wait are not sent then.
func (n *Notifier) Run(ctx context.Context) {
	reported := "" // the last failure; "": the last event was sent well
	for {
		select {
		case e := <-n.queue:
			failure := n.options.Load().send(ctx, e)
			if ctx.Err() != nil {
				return
			}
			if failure != "" && failure != reported {
				n.warn(failure)
			}
			reported = failure
			if len(n.queue) == waiting {
				continue // more are being dropped
			}
			if dropped := n.dropped.Swap(0); dropped > 0 {
				n.warn(fmt.Sprintf("notify: %d events were dropped", dropped))
			}
		case <-ctx.Done():
			return
		}
	}
}

// send sends one event to all who want it, and gives what goes wrong.
func (o *Options) send(ctx context.Context, e Event) (failure string) {
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
	if err := errors.Join(errs...); err != nil {
		return "notify: " + err.Error()
	}
	return ""
}

func (o *Options) post(ctx context.Context, e Event) error {
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
