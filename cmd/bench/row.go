package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// appRow is what was found of one application.
type appRow struct {
	Application string                 `json:"application"`
	Files       int                    `json:"files"`
	Bytes       int                    `json:"bytes"`
	Samples     map[measured][]float64 `json:"seconds"`
	CPU         map[measured][]float64 `json:"cpu_seconds"` // of the JVM, up to that answer
	Ratios      map[string]float64     `json:"ratios"`      // medians of the ratios of each round
	Traces      []trace                `json:"traces"`      // of all redeploys
	Requests    int                    `json:"requests"`
	Failed      int                    `json:"failed"`
	Archive     string                 `json:"archive,omitempty"` // that was mapped last, beside the JDK's own
	Without     int                    `json:"without_archive"`   // redeploys that mapped none
}

func newRow(name string) appRow {
	return appRow{Application: name, Samples: map[measured][]float64{}, CPU: map[measured][]float64{}, Ratios: map[string]float64{}}
}

func (r *appRow) add(as measured, took, cpu time.Duration) {
	r.Samples[as] = append(r.Samples[as], took.Seconds())
	r.CPU[as] = append(r.CPU[as], cpu.Seconds())
}

func (r *appRow) median(as measured) time.Duration {
	return time.Duration(quantile(r.Samples[as], 0.5) * float64(time.Second))
}

// last gives what the last round has found.
func (r *appRow) last() string {
	text := ""
	for _, as := range []measured{plainly, typed, fast, off} {
		if all := r.Samples[as]; len(all) > 0 {
			text += fmt.Sprintf(" %s %.3f s", string(as)[:3], all[len(all)-1])
		}
	}
	return text
}

// medianTrace is the redeploy of a kind that took the median time.
func (r *appRow) medianTrace(as measured) trace {
	var all []trace
	for _, t := range r.Traces {
		if t.Name == string(as) {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		return trace{}
	}
	slices.SortFunc(all, func(a, b trace) int { return cmp.Compare(a.Answer, b.Answer) })
	return all[(len(all)-1)/2]
}

// exec is when the command was run, in milliseconds since the save.
func (t trace) exec() float64 {
	at := t.Live
	for i := len(t.Steps) - 1; i >= 0; i-- {
		at -= t.Steps[i].Took
		if t.Steps[i].Name == "prove" {
			break
		}
	}
	return at
}

// String gives the parts of a redeploy in milliseconds.
func (t trace) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "begun at %.0f,", t.Deploying)
	for _, s := range t.Steps {
		if s.Took >= 1 {
			fmt.Fprintf(&b, " %s %.0f", s.Name, s.Took)
		}
	}
	fmt.Fprintf(&b, ", live at %.0f, answered at %.0f ms", t.Live, t.Answer)
	return b.String()
}

// judge puts the row into the report.
func (t *trial) judge() {
	r := &t.row
	r.Files, r.Bytes = t.built.size()
	for _, as := range []measured{plainly, typed, fast, off, edited1, edited2} {
		if len(r.Samples[as]) > 0 {
			t.report.add(fmt.Sprintf("%s: %s", t.name, as), "s", r.Samples[as])
		}
	}
	asked := t.limits
	if !t.offs { // what is measured is what fast_start = false will be
		asked = limits{fast: t.limits.off}
		t.report.note("%s: the program knows no fast_start: (r) is started plainly, and asked to be what (s) is asked to be", t.name)
	}
	t.compare("(r)/(p)", fast, plainly, asked.fast)
	t.compare("(r)/(q)", fast, typed, asked.typed)
	t.compare("(s)/(p)", off, plainly, asked.off)
	t.compare("(l)/(p)", edited1, plainly, 1.08)
	t.compare("(m)/(p)", edited2, plainly, asked.fast)
	var begun []float64
	for _, tr := range r.Traces {
		begun = append(begun, tr.exec())
	}
	megabytes := float64(r.Bytes) / 1e6
	f := t.report.add(t.name+": from the last byte to exec", "ms", begun)
	t.report.check(fmt.Sprintf("%s: from the last byte to exec, %.0f MB in %d files, median ms", t.name, megabytes, r.Files), f.Median, "≤", math.Round(60+megabytes))
	t.report.check(fmt.Sprintf("%s: failed of %d requests", t.name, r.Requests), float64(r.Failed), "≤", 0)
	for _, as := range []measured{fast, off, edited1} {
		if len(r.Samples[as]) > 0 {
			t.report.note("%s: %s: %s", t.name, as, r.medianTrace(as))
		}
	}
	if t.offs {
		t.report.note("%s: archive: %s; %d of %d redeploys used none", t.name, cmp.Or(r.Archive, "none"), r.Without, len(r.Samples[fast]))
	}
	t.report.Apps = append(t.report.Apps, *r)
}

// compare gives the median of the ratios of each round, and checks it where anything is
// asked of it.
func (t *trial) compare(name string, a, b measured, limit float64) {
	all := ratios(t.row.Samples[a], t.row.Samples[b])
	if len(all) == 0 {
		return
	}
	got := quantile(all, 0.5)
	t.row.Ratios[name] = got
	cpu := ratios(t.row.CPU[a], t.row.CPU[b])
	t.row.Ratios[name+", CPU"] = quantile(cpu, 0.5)
	t.report.add(fmt.Sprintf("%s: %s, CPU of the JVM", t.name, name), "ratio", cpu)
	if limit > 0 {
		t.report.check(fmt.Sprintf("%s: %s, median", t.name, name), got, "≤", limit)
		return
	}
	t.report.add(fmt.Sprintf("%s: %s", t.name, name), "ratio", all)
}
