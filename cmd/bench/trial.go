package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

const vmAddress = lab.Address

// lightLoad is the requests a second while an application is redeployed: some more, and
// they would be what is measured.
const lightLoad = 20

// role is one of the two services that a trial has of its application, each published at
// a port of its own.
type role struct {
	service string
	port    int
	off     bool // fast_start = false
}

// roles are the services of the trial.
func (t *trial) roles() []role {
	all := []role{{t.name, 80, false}}
	if t.offs {
		all = append(all, role{t.name + "-plain", 81, true})
	}
	return all
}

// configureTrial writes a configuration, and builds the bases that are missing. Where
// the program knows no fast_start, there is one service.
func (t *trial) configureTrial(ctx context.Context) error {
	t.offs = true
	err := t.tryConfiguration(ctx)
	if err != nil && strings.Contains(err.Error(), "fast_start") {
		t.offs = false
		err = t.tryConfiguration(ctx)
	}
	if err != nil {
		return err
	}
	base, err := t.baseOf(t.base())
	t.root = filepath.Join(t.LXC, base, "rootfs")
	return err
}

func (t *trial) tryConfiguration(ctx context.Context) error {
	shipped, err := t.shipped()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "state = %q\nrun = %q\n[watch]\ndir = %q\n[lxc]\npath = %q\n\n%s\n",
		filepath.Join(t.Dir, "state"), filepath.Join(t.Dir, "run"), t.Host, t.LXC, sections(shipped, "base."))
	if t.newer {
		b.WriteString(newerBase)
	}
	for _, s := range t.roles() {
		fmt.Fprintf(&b, "[service.%s]\nbase = %q\ntarget = \"/%s\"\nexec = %q\nport = %d\nhealth = { path = \"/\" }\ndrain = \"2s\"\n",
			s.service, t.base(), t.name, t.java+t.line(), t.port)
		if s.off {
			b.WriteString("fast_start = false\n")
		}
		fmt.Fprintf(&b, "[[publish]]\ninterface = \"eth0\"\nport = %d\nservice = %q\n", s.port, s.service)
	}
	if err := os.WriteFile(t.config, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return t.provision(ctx)
}

// saveBuild saves the next build for services, as a build does that writes all of its
// files, and gives their version.
func (t *trial) saveBuild(ctx context.Context, services ...role) (version string, err error) {
	t.version++
	files, version, err := t.built.next(t.version)
	if err != nil {
		return "", err
	}
	for _, s := range services {
		if _, err := t.saveFiles(s, files); err != nil {
			return "", err
		}
	}
	return version, ctx.Err()
}

// saveFiles gives the moment at which the last of them was closed.
func (t *trial) saveFiles(s role, files map[string][]byte) (at time.Time, err error) {
	for name, data := range files {
		if at, err = t.save(filepath.Join(t.Share, "volume-"+s.service, name), data); err != nil {
			break
		}
	}
	return at, err
}

// warmRounds is how many redeploys an archive is waited for.
const warmRounds = 4

// warm redeploys until what is measured next is what every further edit meets: the first
// redeploy after the start of an agent is its own kind, and the archive is made when
// nothing else happens.
func (t *trial) warm(ctx context.Context) error {
	for i := range warmRounds {
		for _, s := range t.roles() {
			if err := t.rest(ctx); err != nil {
				return err
			}
			if _, err := t.once(ctx, s, t.poll); err != nil {
				return err
			}
		}
		if err := t.rest(ctx); err != nil {
			return err
		}
		if used, err := t.used(ctx); err != nil || used != "" || !t.offs {
			t.row.Archive = used
			return err
		}
		say("%s, warming: no archive is used after %d redeploys", t.name, i+1)
		select { // what is made when nothing else happens has time to begin
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(warmPause):
		}
	}
	return nil
}

const warmPause = 10 * time.Second

// used names the archives that the fast service has mapped.
func (t *trial) used(ctx context.Context) (string, error) {
	live, err := t.liveContainers(ctx)
	return strings.Join(archives(live[t.name]), " "), err
}

// once redeploys a service, and gives the parts of it.
func (t *trial) once(ctx context.Context, s role, p poll) (trace, error) {
	t.version++
	files, version, err := t.built.next(t.version)
	if err != nil {
		return trace{}, err
	}
	began := time.Now()
	at := target{fmt.Sprintf("http://%s:%d/", vmAddress, s.port), version}
	saved, answered, err := t.timedBy(ctx, p, []target{at}, func() (time.Time, error) { return t.saveFiles(s, files) })
	if err != nil {
		return trace{}, fmt.Errorf("%w: %s", err, t.agent.said())
	}
	worked := worked(s.service)
	last, err := t.live(ctx, s.service, began)
	tr := traceOf(last, saved, answered)
	tr.Name, tr.CPU = s.service, ms(worked[last.Generation])
	return tr, err
}

// redeployed measures a redeploy under a light load, up to the end of the drain.
func (t *trial) redeployed(ctx context.Context, s role, as measured) error {
	if err := t.rest(ctx); err != nil {
		return err
	}
	load := t.startTraffic(lightLoad, fmt.Sprintf("http://%s:%d/", vmAddress, s.port))
	tr, err := t.once(ctx, s, t.expecting(as))
	if err == nil {
		err = t.settled(ctx)
	}
	load.end()
	if err != nil {
		return err
	}
	tr.Name = string(as)
	t.row.add(as, time.Duration(tr.Answer*float64(time.Millisecond)), time.Duration(tr.CPU*float64(time.Millisecond)))
	t.row.Traces = append(t.row.Traces, tr)
	t.row.Requests += int(load.metrics.Requests)
	t.row.Failed += len(load.failed)
	for _, why := range load.explain(nil) {
		t.report.note("%s: failed: %s", t.name, why)
	}
	if !s.off && t.offs {
		if t.row.Archive, err = t.used(ctx); err != nil {
			return err
		}
		if t.row.Archive == "" {
			t.row.Without++
		}
	}
	return nil
}

// expecting is the poll for what took so long before: the shortest time, less a fifth, or
// what the fastest start of all takes of a plain one.
func (t *trial) expecting(as measured) poll {
	p := t.poll
	if took := t.row.Samples[as]; len(took) > 0 {
		p.expected = time.Duration(0.8 * slices.Min(took) * float64(time.Second))
	} else {
		p.expected = t.row.median(plainly) / 3
	}
	return p
}

// size says how much is built.
func (e editions) size() (files, bytes int) {
	for _, data := range e[0].files {
		bytes += len(data)
	}
	return len(e[0].files), bytes
}
