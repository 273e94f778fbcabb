package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

const (
	watchedServices = 40
	// watchedLoad is the requests a second while they are redeployed, to all of them in
	// turn.
	watchedLoad = 40
	// pagesClosed is how long after the last page has gone the agent's memory is measured.
	pagesClosed = 30 * time.Second
)

// watched is what came of redeploys while so many looked at the page.
type watched struct {
	live     []float64 // seconds from the save to the agent's word
	deploy   []float64 // of which the deploy took
	cpu      float64   // of the agent and its children that have ended, seconds for each redeploy
	resident float64   // MiB, the most while it ran
	requests int
	failed   int
	why      []string
}

// page measures what it costs that ten people look at the page while one of forty
// services is redeployed each second: their times are compared with those without a
// page, in turns. The services are as light as containers can be: what the page costs is a larger
// part of their redeploys than of any JVM's.
func (b *bench) page(ctx context.Context) (err error) {
	services, rounds := watchedServices, b.n(8, 60)
	if b.quick {
		services = 8
	}
	lower, err := raiseInstances()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lower()) }()
	return b.withRig(ctx, func(r *rig) error {
		r.LXC = filepath.Join(r.Dir, "lxc") // their base is made in no time
		all, err := r.furnishLight(services)
		if err != nil {
			return err
		}
		say("page: bring %d services up", services)
		if r.agent, err = startAgent(r.Lab, r.program, r.config); err != nil {
			return err
		}
		w := &watch{rig: r, services: all}
		if err := w.rest(ctx); err != nil {
			return err
		}
		if w.pid = r.agentPID(ctx); w.pid == 0 {
			return errors.New("the agent does not say which process it is")
		}
		return w.measure(ctx, rounds)
	})
}

// furnishLight gives the rig services that are a web server of busybox, of which each
// calls two others.
func (r *rig) furnishLight(n int) ([]service, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "state = %q\nrun = %q\n[watch]\ndir = %q\n[lxc]\npath = %q\n[base.small]\ntemplate = \"busybox\"\n",
		filepath.Join(r.Dir, "state"), filepath.Join(r.Dir, "run"), r.Host, r.LXC)
	all := several(n)
	for i, s := range all {
		var needs []string
		for _, called := range all[min(2*i+1, n):min(2*i+3, n)] {
			needs = append(needs, fmt.Sprintf("%q", called.name))
		}
		fmt.Fprintf(&b, "[service.%s]\nexec = \"httpd -f -p 8080 -h /%s\"\nport = 8080\nhealth = { path = \"/version\" }\ndrain = \"2s\"\nneeds = [%s]\n"+
			"[[publish]]\ninterface = \"eth0\"\nport = %d\nservice = %q\n", s.name, s.name, strings.Join(needs, ", "), s.port, s.name)
		if _, err := r.saveVersion(s); err != nil {
			return nil, err
		}
	}
	return all, os.WriteFile(r.config, []byte(b.String()), 0o644)
}

// saveVersion saves the next version of a light service.
func (r *rig) saveVersion(s service) (time.Time, error) {
	return r.save(filepath.Join(r.folder(s), "version"), []byte(r.next()))
}

// watch is an agent whose light services are redeployed in turn.
type watch struct {
	*rig
	services []service
	pid      int // of the agent
	turn     int
}

// rest waits until every service has its standby and nothing else happens.
func (w *watch) rest(ctx context.Context) error {
	if err := w.settled(ctx); err != nil {
		return err
	}
	return w.calm(ctx)
}

// lookedAt says in which of the parts of a measurement ten look at the page. Whatever gets
// better or worse with time meets both kinds alike.
var lookedAt = []bool{false, true, true, false, false, true, true, false}

// measure redeploys without pages and with them, in turns, after each service has been
// redeployed once: that is its own kind, and took three times as long.
func (w *watch) measure(ctx context.Context, rounds int) error {
	if _, err := w.redeploys(ctx, len(w.services)); err != nil {
		return err
	}
	if err := w.rest(ctx); err != nil {
		return err
	}
	var memory [2]float64
	var err error
	if memory[0], err = resident(w.pid); err != nil {
		return err
	}
	var with, without []watched
	for _, seen := range lookedAt {
		redeploy, into := w.redeploys, &without
		if seen {
			redeploy, into = w.redeploysSeen, &with
		}
		found, err := redeploy(ctx, max(1, 2*rounds/len(lookedAt)))
		if err != nil {
			return err
		}
		*into = append(*into, found)
	}
	select {
	case <-time.After(pagesClosed):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if memory[1], err = resident(w.pid); err != nil {
		return err
	}
	w.judge(without, with, memory)
	return nil
}

// redeploysSeen redeploys while ten look at the page.
func (w *watch) redeploysSeen(ctx context.Context, n int) (found watched, err error) {
	p, err := w.openPages(ctx)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if found, err = w.redeploys(ctx, n); err != nil {
		return found, err
	}
	return found, p.current(ctx)
}

// redeploys changes one service each second, n times.
func (w *watch) redeploys(ctx context.Context, n int) (found watched, err error) {
	if err := w.rest(ctx); err != nil {
		return found, err
	}
	var urls []string
	for _, s := range w.services {
		urls = append(urls, fmt.Sprintf("http://%s:%d/version", lab.Address, s.port))
	}
	began, err := spent(w.pid)
	if err != nil {
		return found, err
	}
	load := w.startTraffic(watchedLoad, urls...)
	defer func() {
		load.end()
		found.requests, found.failed, found.why = int(load.metrics.Requests), len(load.failed), load.explain(nil)
	}()
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for range n {
		if err := w.once(ctx, &found); err != nil {
			return found, err
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return found, context.Cause(ctx)
		}
	}
	ended, err := spent(w.pid)
	found.cpu = (ended - began).Seconds() / float64(n)
	return found, err
}

// once redeploys the service whose turn it is.
func (w *watch) once(ctx context.Context, found *watched) error {
	s := w.services[w.turn%len(w.services)]
	w.turn++
	began := time.Now()
	saved, err := w.saveVersion(s)
	if err != nil {
		return err
	}
	last, err := w.live(ctx, s.name, began)
	if err != nil {
		return err
	}
	found.live = append(found.live, last.Ended.Sub(saved).Seconds())
	found.deploy = append(found.deploy, last.Took.Seconds())
	now, err := resident(w.pid)
	found.resident = max(found.resident, now)
	return err
}

// all gives what the parts of a measurement have, one after the other.
func all(parts []watched, of func(watched) []float64) (values []float64) {
	for _, p := range parts {
		values = append(values, of(p)...)
	}
	return values
}

func (w *watch) judge(without, with []watched, memory [2]float64) {
	live := func(p watched) []float64 { return p.live }
	deploy := func(p watched) []float64 { return p.deploy }
	cpu := func(p watched) []float64 { return []float64{p.cpu} }
	most := func(p watched) []float64 { return []float64{p.resident} }
	r := w.report
	a := r.add(fmt.Sprintf("redeploy of one of %d light services, no page", len(w.services)), "s", all(without, live))
	b := r.add("the same, ten at the page", "s", all(with, live))
	r.add("the deploy alone, no page", "s", all(without, deploy))
	r.add("the deploy alone, ten at the page", "s", all(with, deploy))
	r.add("CPU of the agent and its children for each, no page", "s", all(without, cpu))
	r.add("CPU of the agent and its children for each, ten at the page", "s", all(with, cpu))
	r.add("resident memory of the agent, before the pages", "MiB", memory[:1])
	r.add("resident memory of the agent, the most with ten pages", "MiB", []float64{slices.Max(all(with, most))})
	r.add("resident memory of the agent, 30 s after the pages", "MiB", memory[1:])
	half := len(without) / 2
	r.note("redeploys without a page, the last half / the first: medians %.3f; with pages: %.3f; p95 with / without: %.3f",
		quantile(all(without[half:], live), 0.5)/quantile(all(without[:half], live), 0.5),
		quantile(all(with[half:], live), 0.5)/quantile(all(with[:half], live), 0.5), b.P95/a.P95)
	requests, failed := 0, 0
	for _, one := range slices.Concat(without, with) {
		requests += one.requests
		failed += one.failed
		for _, why := range one.why {
			r.note("failed: %s", why)
		}
	}
	r.check("redeploys with ten at the page / without, of the medians", b.Median/a.Median, "≤", 1.05)
	r.check("resident memory 30 s after the pages, MiB more than before", memory[1]-memory[0], "≤", 2)
	r.check(fmt.Sprintf("failed of %d requests through %d redeploys", requests, a.N+b.N), float64(failed), "≤", 0)
}
