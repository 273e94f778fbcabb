package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// askers ask one request after the other while capacity is measured, half of them
	// on connections that are kept, as the traffic does.
	askers = 8
	// capacityWindow is the time over which answers are counted, capacityWindows how
	// often at most: JVMs answer more and more while they compile what is hot.
	capacityWindow  = 2 * time.Second
	capacityWindows = 10
)

// capacity is how many requests a second are answered here when as many are sent, by
// what is live and warm. Whoever asks shares the processors.
func (r *rig) capacity(ctx context.Context, url string) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var answered atomic.Int64
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel(nil) // before the wait
	kept, fresh := r.Client(true), r.Client(false)
	for i := range askers {
		client := kept
		if i%2 == 0 {
			client = fresh
		}
		asking.Go(func() { cancel(askOn(ctx, client, url, &answered)) })
	}
	return steady(func() (float64, error) {
		began, before := time.Now(), answered.Load()
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("measure what is answered: %w", context.Cause(ctx))
		case <-time.After(capacityWindow):
		}
		return float64(answered.Load()-before) / time.Since(began).Seconds(), nil
	})
}

// askOn asks one request after the other until the context ends.
func askOn(ctx context.Context, client *http.Client, url string, answered *atomic.Int64) error {
	for ctx.Err() == nil {
		if _, err := get(ctx, client, url); err != nil {
			return err
		}
		answered.Add(1)
	}
	return nil
}

// steady measures until the rate does not grow by a twentieth any more, and gives the
// best.
func steady(measure func() (float64, error)) (best float64, err error) {
	for range capacityWindows {
		rate, err := measure()
		if err != nil {
			return 0, err
		}
		grows := rate > best*1.05
		best = max(best, rate)
		if !grows {
			break
		}
	}
	if best < 6 {
		return 0, errors.New("too slow to be measured under load: fewer than six requests a second are answered")
	}
	return best, nil
}

// loadShare is the part of its capacity at which a machine is measured under load.
const loadShare = 3

// calibrate gives the rate of the load, an even number, and says how it was found.
func (r *rig) calibrate(ctx context.Context, url string) (int, error) {
	most, err := r.capacity(ctx, url)
	if err != nil {
		return 0, err
	}
	rate := int(most/loadShare) / 2 * 2
	say("%.0f requests/s are answered here; the load is a third, %d/s", most, rate)
	r.report.note("load: %d requests/s, a third of the %.0f that are answered here when as many are sent", rate, most)
	return rate, nil
}
