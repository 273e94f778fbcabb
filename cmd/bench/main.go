// Command bench measures jarloop on this machine, in a lab of its own, and
// says of each figure what was asked of it:
//
//	make bench
//	go run ./cmd/bench -run latency,load -n 10
//
// It prints a table and writes the same to build/bench.json, with every single
// sample, and as a picture to build/bench.svg. It needs root. Figures depend
// on what else the machine does, so its load average stands beside them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// part is one group of measurements.
type part struct {
	name string
	do   func(*bench, context.Context) error
	most time.Duration // that it may take
}

var parts = []part{
	{"latency", (*bench).latency, time.Hour},
	{"load", (*bench).load, time.Hour},
	{"burst", (*bench).burst, time.Hour},
	{"idle", (*bench).idle, time.Hour},
	{"growth", (*bench).growth, time.Hour},
	{"cold", (*bench).cold, time.Hour},
	{"scale", (*bench).scale, time.Hour},
	{"page", (*bench).page, time.Hour},
	{"apps", (*bench).apps, 2 * time.Hour},
	{"appload", (*bench).appLoad, 2 * time.Hour},
}

func main() {
	run := flag.String("run", "all", "the parts to run: "+strings.Join(partNames(), ", ")+", stale (which is part of load)")
	app := flag.String("app", "", "the applications of the part apps: "+strings.Join(subjectNames(), ", ")+"; default: all")
	rounds := flag.Int("n", 0, "rounds of each part; 0: what each takes for itself")
	quick := flag.Bool("quick", false, "as few rounds as will do to see that all works")
	program := flag.String("program", "", "the program to measure; default: the one of this checkout")
	out := flag.String("out", "", "where to write bench.json and bench.svg; default: build in this checkout")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	b := &bench{rounds: *rounds, quick: *quick}
	if *app != "" {
		b.only = strings.Split(*app, ",")
	}
	err := b.main(ctx, *run, *program, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func partNames() []string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

// main runs the parts that are asked for and writes what they found, also when
// one of them failed.
func (b *bench) main(ctx context.Context, run, program, out string) (errs error) {
	// Staleness is looked at where there is load: that is what keeps old names
	// in caches.
	names := strings.Split(strings.ReplaceAll(run, "stale", "load"), ",")
	for _, name := range names {
		if name != "all" && !slices.Contains(partNames(), name) {
			return fmt.Errorf("there is no part %q; there are %s", name, strings.Join(partNames(), ", "))
		}
	}
	for _, name := range b.only {
		if !slices.Contains(subjectNames(), name) {
			return fmt.Errorf("there is no application %q; there are %s", name, strings.Join(subjectNames(), ", "))
		}
	}
	if err := b.prepare(ctx, program); err != nil {
		return err
	}
	defer func() { errs = errors.Join(errs, b.close()) }()
	if !b.quick {
		if err := touchMemory(ctx); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if !slices.Contains(names, "all") && !slices.Contains(names, p.name) {
			continue
		}
		say("%s, load average %s", p.name, loadAverage())
		b.report.Load = append(b.report.Load, loadAverage())
		limited, cancel := context.WithTimeout(ctx, p.most)
		if err := p.do(b, limited); err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", p.name, err))
		}
		cancel()
	}
	b.report.Load = append(b.report.Load, loadAverage())
	if out == "" {
		out = filepath.Join(b.root, "build")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return errors.Join(errs, err)
	}
	return errors.Join(errs, b.report.table(os.Stdout),
		b.report.write(filepath.Join(out, "bench.json")), b.report.drawTo(filepath.Join(out, "bench.svg")))
}

// prepare makes what all parts need.
func (b *bench) prepare(ctx context.Context, program string) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root, for containers and namespaces: run it with sudo")
	}
	b.report = &report{Time: time.Now().UTC().Round(time.Second), Machine: machine()}
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}
	b.root = filepath.Dir(strings.TrimSpace(string(mod)))
	b.report.Commit = commit(ctx, b.root)
	if b.work, err = os.MkdirTemp("", "jarloop-bench-"); err != nil {
		return err
	}
	if b.classes, err = compile(ctx); err != nil {
		return errors.Join(err, b.close())
	}
	if program != "" {
		b.program, err = filepath.Abs(program)
		return err
	}
	b.program = filepath.Join(b.work, "jarloop")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-o", b.program, "./cmd/jarloop")
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("build the program: %w: %s", err, text), b.close())
	}
	return nil
}

func (b *bench) close() error { return os.RemoveAll(b.work) }
