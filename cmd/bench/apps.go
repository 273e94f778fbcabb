package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab/apps"
)

// subject is an application of a public framework that is measured.
type subject struct {
	name    string
	source  string // the application, where it is not called like this
	options string // of java, that it does not start without, or by which two of it can run
	command string // that follows the flags of java
	port    int
	newer   bool // on the newest Java that Debian has
	limits  limits
}

// newerBase is what it runs on then.
const newerBase = "[base.java25]\ndistribution = \"debian:trixie\"\npackages = [\"openjdk-25-jre-headless\"]\n"

// base is the one that it runs on.
func (s subject) base() string {
	if s.newer {
		return "java25"
	}
	return "service-base"
}

// limits are what is asked of a redeploy, as parts of what java -jar takes: started
// fast with the same flags, and without flags; and with fast_start = false. 0: nothing
// is asked.
type limits struct{ fast, typed, off float64 }

// inMemory keeps two processes off one file.
const inMemory = "-Ddw.database=jdbc:h2:mem:visits"

var subjects = []subject{
	{name: "clinic", command: "-jar /clinic/clinic-1.jar", port: 8080, limits: limits{0.50, 0.40, 1.08}},
	{name: "dropwizard", options: inMemory, command: "-jar /dropwizard/dropwizard-1.jar server /dropwizard/app.yml", port: 8080, limits: limits{fast: 0.60, off: 1.08}},
	{name: "micronaut", command: "-jar /micronaut/micronaut-1.jar", port: 8280, limits: limits{fast: 0.60, off: 1.25}},
	{name: "javalin", command: "-jar /javalin/javalin-1.jar", port: 7070, limits: limits{fast: 0.75, off: 1.25}},
	{name: "onejar", command: "-jar /onejar/onejar.jar server /onejar/app.yml", port: 8480, limits: limits{fast: 0.60}},
	{name: "clinic25", source: "clinic", newer: true, command: "-jar /clinic25/clinic-1.jar", port: 8080, limits: limits{fast: 0.40, off: 1.08}},
	{name: "helidon", newer: true, command: "-jar /helidon/helidon.jar", port: 8580, limits: limits{off: 1.25}},
	{name: "quarkus", command: "-jar /quarkus/quarkus-run.jar", port: 8180, limits: limits{off: 1.08}},
}

func subjectNames() []string {
	var names []string
	for _, s := range subjects {
		names = append(names, s.name)
	}
	return names
}

// measured are the ways in which a new build of an application comes to answer.
type measured string

const (
	plainly measured = "(p) java -jar, the same flags"
	typed   measured = "(q) java -jar, no flags"
	fast    measured = "(r) jarloop"
	off     measured = "(s) jarloop, fast_start = false"
	edited1 measured = "(l) jarloop, after an edit of a library"
	edited2 measured = "(m) jarloop, after the next edit"
)

// apps measures each application in each way, one after the other in every round, so
// that whatever else the machine does meets all of them.
func (b *bench) apps(ctx context.Context) error {
	for _, s := range subjects {
		if len(b.only) > 0 && !slices.Contains(b.only, s.name) {
			continue
		}
		err := b.withTrial(ctx, s, func(t *trial) error { return t.measure(ctx) })
		var missing apps.NoJDKError
		switch {
		case errors.As(err, &missing):
			b.report.note("%s is not measured: %v", s.name, missing)
		case err != nil:
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// withTrial builds an application where that was not done yet, and has it live on a rig.
func (b *bench) withTrial(ctx context.Context, s subject, do func(*trial) error) error {
	found, err := apps.Find(b.root, cmp.Or(s.source, s.name))
	if err != nil {
		return err
	}
	folders, err := found.Built(ctx, builtVersions...)
	if err != nil {
		return err
	}
	built, err := editionsOf(folders)
	if err != nil {
		return err
	}
	return b.withRig(ctx, func(r *rig) error {
		t, err := r.newTrial(ctx, s, built)
		if err != nil {
			return err
		}
		return do(t)
	})
}

// trial is one application in a rig.
type trial struct {
	*rig
	subject
	built editions
	java  string // with the flags of the shipped configuration
	root  string // the root of the base, on the VM
	offs  bool   // the program knows fast_start, so there are two services
	poll  poll
	row   appRow
}

func (r *rig) newTrial(ctx context.Context, s subject, built editions) (*trial, error) {
	java, err := r.java()
	if err != nil {
		return nil, err
	}
	t := &trial{rig: r, subject: s, built: built, java: java, row: newRow(s.name)}
	t.poll = poll{every: pollEvery, timeout: appTimeout}
	if err := t.configureTrial(ctx); err != nil {
		return nil, err
	}
	if _, err := t.saveBuild(ctx, t.roles()...); err != nil {
		return nil, err
	}
	err = t.start(ctx)
	return t, err
}

// measure measures the application in each way, and after an edit of a library.
func (t *trial) measure(ctx context.Context) error {
	if err := t.warm(ctx); err != nil {
		return err
	}
	for i := range t.n(1, 5) {
		if err := t.round(ctx); err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		say("%s, round %d:%s", t.name, i+1, t.row.last())
	}
	if err := t.library(ctx); err != nil {
		return err
	}
	t.judge()
	return nil
}

// appTimeout is how long one answer may take. The first of some frameworks takes long.
const appTimeout = 2 * time.Second

// round measures each way once.
func (t *trial) round(ctx context.Context) error {
	for _, one := range []struct {
		as    measured
		flags string
	}{{plainly, t.java}, {typed, "java "}} {
		took, cpu, err := t.plainStart(ctx, one.flags)
		if err != nil {
			return fmt.Errorf("%s: %w", one.as, err)
		}
		t.row.add(one.as, took, cpu)
	}
	// A start of 5 s need not be known to 5 ms.
	t.poll.every = min(max(t.row.median(plainly)/200, pollEvery), 5*pollEvery)
	for _, s := range t.roles() {
		as := fast
		if s.off {
			as = off
		}
		if err := t.redeployed(ctx, s, as); err != nil {
			return fmt.Errorf("%s: %w", as, err)
		}
	}
	return nil
}

// plainStart measures from exec to the first answer, and what the JVM has worked by then.
func (t *trial) plainStart(ctx context.Context, flags string) (took, cpu time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	t.version++
	files, version, err := t.built.next(t.version)
	if err != nil {
		return 0, 0, err
	}
	p, err := t.newPlain(ctx, t.root, "/"+t.name, flags+t.line(), files)
	if err != nil {
		return 0, 0, err
	}
	if err := t.rest(ctx); err != nil {
		return 0, 0, errors.Join(err, p.end())
	}
	at := target{fmt.Sprintf("http://%s:%d/", vmAddress, t.port), version}
	began, answered, err := t.timedBy(ctx, t.poll, []target{at}, p.run) // nobody answers before
	cpu, unknown := p.worked()
	err = cmp.Or(err, p.end(), unknown)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, p.out.Bytes())
	}
	return answered.Sub(began), cpu, nil
}

// line is what follows the flags.
func (s subject) line() string {
	if s.options == "" {
		return s.command
	}
	return s.options + " " + s.command
}
