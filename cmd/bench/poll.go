package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// pollEvery is the distance of two requests of the poll, of which half is
	// part of each measure on average. What serves meanwhile has to answer them,
	// on the same cores that start what is waited for: asked every 2 ms, a
	// redeploy takes 210 ms that takes 160 asked every 10.
	pollEvery = 5 * time.Millisecond
	// pollSlots is how many of them may wait for their answer at a time. What
	// is down swallows requests; the next ones must find the moment at which
	// it is up.
	pollSlots   = 8
	pollTimeout = 500 * time.Millisecond
)

// get gives the body of one answer of status 200.
func get(ctx context.Context, client *http.Client, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", url, response.Status, body)
	}
	return string(body), err
}

// target is an answer that shall come from a service: a page with a version that no
// earlier one begins with.
type target struct {
	url  string
	want string
}

// poll is how one is asked for. Before it is to be expected, after so long, it is asked
// for rarely: until then it is the one before that answers, and what that works the new
// one does not get.
type poll struct{ every, timeout, expected time.Duration }

// rarely is how many requests before that are left out.
const rarely = 20

// firstAnswer asks from the laptop, each time on a new connection, until the
// answer is the one wanted, and gives the moment at which it was there.
func (r *rig) firstAnswer(ctx context.Context, t target, p poll) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	client := r.Client(false)
	client.Timeout = p.timeout
	answered := make(chan time.Time, 1)
	slots := make(chan struct{}, pollSlots)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel() // before the wait
	began := time.Now()
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case at := <-answered:
			return at, nil
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("%s never answered %q: %w", t.url, t.want, context.Cause(ctx))
		case <-tick.C:
		}
		if n%rarely != 0 && time.Since(began) < p.expected {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			continue
		}
		asking.Go(func() {
			defer func() { <-slots }()
			if body, err := get(ctx, client, t.url); err == nil && strings.Contains(body, t.want) {
				select {
				case answered <- time.Now():
				default: // an earlier one counts
				}
			}
		})
	}
}

// timed asks for the targets from before save is called on until each has
// answered. save gives the moment from which on that counts, answered is that
// of the last.
func (r *rig) timed(ctx context.Context, targets []target, save func() (time.Time, error)) (saved, answered time.Time, err error) {
	return r.timedBy(ctx, poll{every: pollEvery * time.Duration(len(targets)), timeout: pollTimeout}, targets, save)
}

// timedBy is timed with another poll.
func (r *rig) timedBy(ctx context.Context, p poll, targets []target, save func() (time.Time, error)) (saved, answered time.Time, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, asking := errgroup.WithContext(ctx)
	moments := make([]time.Time, len(targets))
	for i, t := range targets {
		group.Go(func() (err error) {
			moments[i], err = r.firstAnswer(asking, t, p)
			return err
		})
	}
	if saved, err = save(); err != nil {
		cancel()
		_ = group.Wait() // it found nothing, since there was nothing to find
		return saved, answered, err
	}
	err = group.Wait()
	return saved, slices.MaxFunc(moments, time.Time.Compare), err
}
