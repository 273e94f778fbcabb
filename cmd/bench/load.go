package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// turns is the order in which services are changed: of 300 redeploys 200 are
// of frontend, 50 of person and 50 of web.
var turns = []string{"frontend", "frontend", "person", "frontend", "frontend", "web"}

// loaded is what came of redeploys under load.
type loaded struct {
	done    []redeployed
	stale   []string // answers of old code, a second after the switch
	asked   int      // how many were looked at
	rate    int      // of the traffic, requests a second
	said    []string // by the services, of trouble
	traffic *traffic
	broken  error // what was wrong with the download across a switch
}

// load redeploys the sample system again and again while people use it.
func (b *bench) load(ctx context.Context) error {
	n, download := b.n(20, 300), time.Minute
	if b.quick {
		download = 10 * time.Second
	}
	return b.withRig(ctx, func(r *rig) error {
		found, err := r.underLoad(ctx, n, 0, download)
		if err != nil {
			return err // figures of a part of it would look like those of the whole
		}
		b.judgeLoad(found)
		return nil
	})
}

// underLoad makes n redeploys under so many requests a second, 0 for a third of what
// is answered here, and one more while a download runs that takes so long.
func (r *rig) underLoad(ctx context.Context, n, perSecond int, took time.Duration) (*loaded, error) {
	java, err := r.java()
	if err != nil {
		return nil, err
	}
	s, err := r.newSample(ctx, downloads.section(java))
	if err != nil {
		return nil, err
	}
	if _, err := r.saveNext(downloads); err != nil {
		return nil, err
	}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	url := "http://" + lab.Address + "/api"
	if perSecond == 0 {
		if perSecond, err = r.calibrate(ctx, url); err != nil {
			return nil, err
		}
		if err := r.rest(ctx); err != nil {
			return nil, err
		}
	}
	found := &loaded{rate: perSecond, traffic: r.startTraffic(perSecond, url)}
	defer found.traffic.end()
	group, ctx := errgroup.WithContext(ctx)
	began := make(chan struct{})
	group.Go(func() error {
		found.broken = r.download(ctx, took, func() { close(began) })
		return nil // it is a finding
	})
	group.Go(func() error {
		select {
		case <-began:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(30 * time.Second):
			return errors.New("the download has not begun in 30 s")
		}
		started := time.Now()
		if err := r.redeployDownloads(ctx, started.Add(took)); err != nil {
			return err
		}
		return s.redeploys(ctx, n, found)
	})
	err = group.Wait()
	found.said = r.agent.troubled()
	return found, err
}

// redeployDownloads switches the service whose download runs until end.
func (r *rig) redeployDownloads(ctx context.Context, end time.Time) error {
	began := time.Now()
	if _, err := r.saveNext(downloads); err != nil {
		return err
	}
	last, err := r.live(ctx, downloads.name, began)
	if err == nil && last.Ended.After(end.Add(-2*time.Second)) {
		err = errors.New("the switch came too late to be in mid-download")
	}
	return err
}

// redeploys changes one service after the other, and asks each a second after
// its switch which code answers.
func (s *sample) redeploys(ctx context.Context, n int, found *loaded) error {
	client := s.Client(false)
	for i := range n {
		d, err := s.redeploy(ctx, turns[i%len(turns)])
		if err != nil {
			return fmt.Errorf("redeploy %d: %w", i+1, err)
		}
		found.done = append(found.done, d)
		select {
		case <-time.After(time.Until(d.live.Add(time.Second))):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		asked := time.Now()
		version, err := s.ask(ctx, client, d.service)
		found.asked++
		switch {
		case err != nil: // a failed request like any other
			found.traffic.fail("looked for old code: "+err.Error(), asked)
		case version != d.version:
			found.stale = append(found.stale, fmt.Sprintf("%s: %s answered, %s is live", d.service, version, d.version))
		}
		if (i+1)%20 == 0 {
			say("%d redeploys, %d failed requests, %d stale answers", i+1, found.traffic.failures(), len(found.stale))
		}
	}
	return nil
}

func (b *bench) judgeLoad(found *loaded) {
	m := &found.traffic.metrics
	b.report.Figures = append(b.report.Figures, figure{
		Name: fmt.Sprintf("answer to one of %d requests/s, while redeploying", found.rate), Unit: "ms", N: int(m.Requests),
		Median: m.Latencies.P50.Seconds() * 1000, P95: m.Latencies.P95.Seconds() * 1000,
	})
	var took []float64
	for _, d := range found.done {
		took = append(took, d.took.Seconds())
	}
	b.report.add("from the save to live, under that load", "s", took)
	b.report.note("%d redeploys, %d requests, %d failed; longest answer %s", len(found.done), m.Requests, len(found.traffic.failed), m.Latencies.Max)
	for _, l := range found.traffic.explain(found.done) {
		b.report.note("failed: %s", l)
	}
	for _, l := range found.said {
		b.report.note("printed: %s", l)
	}
	for _, l := range found.stale {
		b.report.note("stale: %s", l)
	}
	b.report.check(fmt.Sprintf("failed of %d requests through %d redeploys", m.Requests, len(found.done)), float64(len(found.traffic.failed)), "≤", 0)
	b.report.check(fmt.Sprintf("old code in %d answers a second after live", found.asked), float64(len(found.stale)), "≤", 0)
	broken := 0.0
	if found.broken != nil {
		broken = 1
		b.report.note("download across a switch: %v", found.broken)
	}
	b.report.check("downloads across a switch that were not byte-exact", broken, "≤", 0)
}
