package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// The services of the measurement. The slow one is measured first after each
// start of an agent, so that what an agent does only once is not part of the
// smaller figure.
var (
	slow    = service{name: "slow", port: 8092, delay: 2750 * time.Millisecond}
	trivial = service{name: "trivial", port: 8091}
)

// way is one way of bringing a new JAR into service.
type way string

const (
	byHand  way = "(a) by hand"
	without way = "(b) jarloop, no standby"
	with    way = "(c) jarloop"
	inPlace way = "(d) restart in place"
)

var everyWay = []way{byHand, without, with, inPlace}

func figureName(w way, s service) string { return fmt.Sprintf("%s, %s service", w, s.name) }

func traceName(w way, s service) string { return fmt.Sprintf("%s, %s", w, s.name) }

// latencies are seconds from the save to the first new answer, by service.
type latencies map[string]map[way][]float64

func (l latencies) add(s service, w way, d time.Duration) {
	if l[s.name] == nil {
		l[s.name] = map[way][]float64{}
	}
	l[s.name][w] = append(l[s.name][w], d.Seconds())
}

// latency measures each way in turn, round after round, so that whatever else
// the machine does meets all of them.
func (b *bench) latency(ctx context.Context) error {
	return b.withRig(ctx, func(r *rig) error {
		if err := r.furnish(ctx, slow, trivial); err != nil {
			return err
		}
		stop, err := r.serveDHCP(ctx)
		if err != nil {
			return err
		}
		defer stop()
		for _, s := range []service{slow, trivial} { // what the first round stops and destroys
			if _, err := r.byHand(ctx, s); err != nil {
				return err
			}
		}
		found := latencies{}
		var traces []trace
		for i := range r.n(3, 10) {
			if err := r.round(ctx, found, &traces); err != nil {
				return fmt.Errorf("round %d: %w", i+1, err)
			}
			say("round %d: trivial %s; slow %s", i+1, found.last(trivial), found.last(slow))
		}
		b.judgeLatency(found, traces)
		return nil
	})
}

func (l latencies) last(s service) string {
	text := ""
	for _, w := range everyWay {
		if all := l[s.name][w]; len(all) > 0 {
			text += fmt.Sprintf(" %s %.3f s", string(w)[:3], all[len(all)-1])
		}
	}
	return text
}

// round measures each way once for each service.
func (r *rig) round(ctx context.Context, found latencies, traces *[]trace) error {
	if err := r.jarloop(ctx, true, found, traces); err != nil {
		return err
	}
	live, err := r.liveContainers(ctx)
	if err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	for _, s := range []service{slow, trivial} {
		d, err := r.floor(ctx, live, s)
		if err != nil {
			return err
		}
		found.add(s, inPlace, d)
	}
	if err := r.jarloop(ctx, false, found, traces); err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	for _, s := range []service{slow, trivial} {
		d, err := r.byHand(ctx, s)
		if err != nil {
			return err
		}
		found.add(s, byHand, d)
	}
	return r.quiet()
}

// jarloop measures an agent, which it leaves running, at rest.
func (r *rig) jarloop(ctx context.Context, standby bool, found latencies, traces *[]trace) error {
	w := without
	if standby {
		w = with
	}
	if err := r.configure(standby, slow, trivial); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	for _, s := range []service{slow, trivial} {
		if err := r.rest(ctx); err != nil {
			return err
		}
		t, err := r.redeploy(ctx, s)
		if err != nil {
			return err
		}
		t.Name = traceName(w, s)
		*traces = append(*traces, t)
		found.add(s, w, time.Duration(t.Answer*float64(time.Millisecond)))
	}
	return r.settled(ctx)
}

// redeploy saves new versions and follows them up to the last one's first
// answer.
func (r *rig) redeploy(ctx context.Context, services ...service) (trace, error) {
	saves, targets, err := r.versions(services...)
	if err != nil {
		return trace{}, err
	}
	began := time.Now()
	saved, answered, err := r.timed(ctx, targets, func() (time.Time, error) { return r.saveAll(saves) })
	if err != nil {
		return trace{}, fmt.Errorf("%w: %s", err, r.agent.said())
	}
	last, err := r.live(ctx, services[len(services)-1].name, began)
	return traceOf(last, saved, answered), err
}

// traceOf puts one redeploy together from what the agent says of it.
func traceOf(last deployer.Last, saved, answered time.Time) trace {
	since := func(t time.Time) float64 { return ms(t.Sub(saved)) }
	t := trace{Deploying: since(last.Ended.Add(-last.Took)), Live: since(last.Ended), Answer: since(answered)}
	for _, s := range last.Steps {
		t.Steps = append(t.Steps, step{s.Name, ms(s.Took)})
	}
	return t
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// liveContainers gives the live generations by service.
func (r *rig) liveContainers(ctx context.Context) (map[string]string, error) {
	s, err := r.control.Status(ctx)
	if err != nil {
		return nil, err
	}
	live := map[string]string{}
	for _, one := range s.Services {
		live[one.Service] = one.Generation
	}
	return live, nil
}

func (b *bench) judgeLatency(found latencies, traces []trace) {
	for _, s := range []service{trivial, slow} {
		for _, w := range everyWay {
			b.report.add(figureName(w, s), "s", found[s.name][w])
		}
	}
	// Of the ratios sample by sample, since a round is what was measured under
	// the same conditions.
	cd := ratios(found[trivial.name][with], found[trivial.name][inPlace])
	b.report.check("(c)/(d) trivial, median", quantile(cd, 0.5), "≤", 1.5)
	b.report.check("(c)/(d) trivial, p95", quantile(cd, 0.95), "≤", 2.0)
	b.report.check("(c)/(d) slow, median", quantile(ratios(found[slow.name][with], found[slow.name][inPlace]), 0.5), "≤", 1.06)
	b.report.check("(a)/(c) trivial, median", quantile(ratios(found[trivial.name][byHand], found[trivial.name][with]), 0.5), "≥", 25)
	b.report.check("(b)/(d) trivial, median", quantile(ratios(found[trivial.name][without], found[trivial.name][inPlace]), 0.5), "≤", 3)
	b.report.Traces = append(b.report.Traces, traces...)
}
