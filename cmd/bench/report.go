package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything that was measured, as it is written.
type report struct {
	Time    time.Time `json:"time"`
	Machine string    `json:"machine"`
	Commit  string    `json:"commit"`       // of the checkout; "-dirty": and what is not committed
	Load    []string  `json:"load_average"` // before each part, and at the end
	Figures []figure  `json:"figures"`
	Checks  []check   `json:"checks"`
	Traces  []trace   `json:"traces,omitempty"`
	Apps    []appRow  `json:"applications,omitempty"`
	Notes   []string  `json:"notes,omitempty"`
	Rests   rests     `json:"rests"` // before the measurements
}

// figure is one thing that was measured several times.
type figure struct {
	Name    string    `json:"name"`
	Unit    string    `json:"unit"`
	N       int       `json:"n"`
	Median  float64   `json:"median"`
	P95     float64   `json:"p95"`
	Samples []float64 `json:"samples,omitempty"`
}

// check is a figure against what was asked of it.
type check struct {
	Name string  `json:"name"`
	Got  float64 `json:"got"`
	Want string  `json:"want"` // as in "≤ 1.6"
	Pass bool    `json:"pass"`
}

// step is one step of a deploy.
type step struct {
	Name string  `json:"name"`
	Took float64 `json:"ms"`
}

// trace is one redeploy in its parts, in milliseconds since the save.
type trace struct {
	Name      string  `json:"name"`
	Deploying float64 `json:"deploying"` // the agent has begun
	Steps     []step  `json:"steps"`
	Live      float64 `json:"live"`
	Answer    float64 `json:"answer"` // the laptop has the new code's answer
	// CPU is what the service's processes have worked by then, where that was looked at.
	CPU float64 `json:"cpu_ms,omitempty"`
}

// add adds a figure.
func (r *report) add(name, unit string, samples []float64) figure {
	f := figure{Name: name, Unit: unit, N: len(samples), Samples: samples, Median: quantile(samples, 0.5), P95: quantile(samples, 0.95)}
	r.Figures = append(r.Figures, f)
	return f
}

// check adds a check: want is "≤" or "≥" and a limit.
func (r *report) check(name string, got float64, relation string, limit float64) {
	pass := relation == "≤" && got <= limit || relation == "≥" && got >= limit
	r.Checks = append(r.Checks, check{name, got, relation + " " + strconv.FormatFloat(limit, 'g', -1, 64), pass})
}

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// quantile is the smallest sample that at least q of all do not exceed; the
// mean of the middle two for the median of an even number. NaN has no JSON, so
// of nothing it is 0.
func quantile(samples []float64, q float64) float64 {
	n := len(samples)
	if n == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(samples))
	if q == 0.5 && n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	rank := int(q*float64(n) + 0.999999)
	return s[min(max(rank, 1), n)-1]
}

// ratios divides sample by sample: what was measured in one round.
func ratios(a, b []float64) []float64 {
	var all []float64
	for i := range min(len(a), len(b)) {
		all = append(all, a[i]/b[i])
	}
	return all
}

// missed is how many checks failed.
func (r *report) missed() int {
	n := 0
	for _, c := range r.Checks {
		if !c.Pass {
			n++
		}
	}
	return n
}

// table writes the report for a person.
func (r *report) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FIGURE\tMEDIAN\tP95\tUNIT\tN")
	for _, f := range r.Figures {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", f.Name, number(f.Median), number(f.P95), f.Unit, f.N)
	}
	fmt.Fprintln(w, "\t\t\t\t")
	fmt.Fprintln(w, "CHECK\tGOT\tASKED\t\t")
	for _, c := range r.Checks {
		word := "pass"
		if !c.Pass {
			word = "MISS"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", c.Name, number(c.Got), c.Want, word)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintln(out, n)
	}
	if n := r.missed(); n > 0 {
		fmt.Fprintf(out, "%d of %d checks missed\n", n, len(r.Checks))
	}
	if r.Rests.Vain > 0 {
		fmt.Fprintf(out, "others used the machine before %d of %d measurements, up to %.0f %% of its processors: measure again when it rests\n",
			r.Rests.Vain, r.Rests.Waited, 100*r.Rests.Worst)
	}
	_, err := fmt.Fprintf(out, "commit %s on %s; load average %s\n", r.Commit, r.Machine, strings.Join(r.Load, ", then "))
	return err
}

// number has three digits that say something.
func number(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f >= 100:
		return strconv.FormatFloat(f, 'f', 0, 64)
	case f >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// write writes the report as JSON.
func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// machine says what the figures were measured on.
func machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // missing it says less, and no harm
	return fmt.Sprintf("%d cores of %s, Linux %s", runtime.NumCPU(), processor(), strings.TrimSpace(string(kernel)))
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for l := range strings.Lines(string(text)) {
		if name, model, found := strings.Cut(l, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

// commit names what is checked out in a folder.
func commit(ctx context.Context, folder string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").Output()
	if err != nil { // as in a folder that was unpacked from an archive
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// loadAverage is that of the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// say tells how far it is.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
