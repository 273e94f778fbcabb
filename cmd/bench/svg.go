package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"slices"
	"strings"
)

// The picture, 900 wide. Its colours stand on white and on black alike.
const (
	width  = 900
	left   = 190 // where bars begin
	right  = 60  // room for the number behind the longest bar
	row    = 26
	ink    = "#808890"
	ours   = "#2f9e68"
	theirs = "#c2703d"
	bottom = "#5b8def"
)

// picture is an SVG that grows downwards.
type picture struct {
	body strings.Builder
	y    int
}

func (p *picture) text(x int, anchor, style, text string) {
	fmt.Fprintf(&p.body, `<text x="%d" y="%d" text-anchor="%s" %s>%s</text>`+"\n", x, p.y+17, anchor, style, html.EscapeString(text))
}

func (p *picture) heading(text string) {
	p.y += 14
	p.text(10, "start", `font-weight="bold" font-size="15"`, text)
	p.y += row
}

// bar is one row: from and to are of a whole that fills the width.
func (p *picture) bar(label, value, colour string, from, to, whole float64) {
	scale := float64(width-left-right) / whole
	x, w := left+from*scale, math.Max((to-from)*scale, 1.5)
	p.text(left-10, "end", "", label)
	fmt.Fprintf(&p.body, `<rect x="%.1f" y="%d" width="%.1f" height="18" rx="2" fill="%s"/>`+"\n", x, p.y+3, w, colour)
	p.text(int(x+w)+6, "start", `font-size="12"`, value)
	p.y += row
}

func (p *picture) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" font-family="system-ui, sans-serif" font-size="13" fill="%s">`+"\n%s</svg>\n",
		width, p.y+14, width, ink, p.body.String())
}

// draw draws the waterfall of a redeploy, and what each way takes; nothing if
// latency was not measured.
func (r *report) draw() string {
	p := &picture{}
	if t, found := r.typical(); found {
		p.waterfall(t)
	}
	for _, s := range []service{trivial, slow} {
		p.ways(r, s)
	}
	if p.y == 0 {
		return ""
	}
	p.text(10, "start", `font-size="11"`, fmt.Sprintf("%s; commit %s; load average %s", r.Machine, r.Commit, strings.Join(r.Load, ", ")))
	p.y += row
	return p.String()
}

// typical is the redeploy of the trivial service that took the median time.
func (r *report) typical() (trace, bool) {
	var all []trace
	for _, t := range r.Traces {
		if t.Name == traceName(with, trivial) {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		return trace{}, false
	}
	slices.SortFunc(all, func(a, b trace) int { return int(math.Copysign(1, a.Answer-b.Answer)) })
	return all[(len(all)-1)/2], true
}

func (p *picture) waterfall(t trace) {
	whole := math.Max(t.Live, t.Answer)
	ms := func(d float64) string { return fmt.Sprintf("%.0f ms", d) }
	p.heading(fmt.Sprintf("One redeploy, from the saved JAR to the new code's answer: %s", ms(t.Answer)))
	// The steps follow each other up to the moment at which it is live.
	at := t.Live
	for _, s := range t.Steps {
		at -= s.Took
	}
	at = math.Max(at, 0)
	p.bar("noticed", ms(at), ours, 0, at, whole)
	for _, s := range t.Steps {
		if s.Took < 1 { // not to be seen
			at += s.Took
			continue
		}
		colour := ours
		if s.Name == "prove" { // the JVM's own time
			colour = bottom
		}
		p.bar(named(s.Name), ms(s.Took), colour, at, at+s.Took, whole)
		at += s.Took
	}
	p.tick(t.Answer, whole, "first new answer on the laptop")
}

func named(step string) string {
	if step == "prove" {
		return "JVM starts, is proven"
	}
	return step
}

// tick is a line across the rows above, with its name.
func (p *picture) tick(at, whole float64, name string) {
	x := left + at*float64(width-left-right)/whole
	fmt.Fprintf(&p.body, `<line x1="%.1f" x2="%.1f" y1="44" y2="%d" stroke="%s" stroke-dasharray="3 3"/>`+"\n", x, x, p.y, ink)
	p.text(int(x), "end", `font-size="12"`, name)
	p.y += row
}

func (p *picture) ways(r *report, s service) {
	whole := 0.0
	medians := map[way]figure{}
	for _, f := range r.Figures {
		for _, w := range everyWay {
			if f.Name == figureName(w, s) {
				medians[w] = f
				whole = math.Max(whole, f.Median)
			}
		}
	}
	if whole == 0 {
		return
	}
	p.heading(fmt.Sprintf("From the saved JAR to the new code's answer: a service that starts in %.1f s", medians[inPlace].Median))
	for _, w := range everyWay {
		colour := ours
		switch w {
		case byHand:
			colour = theirs
		case inPlace:
			colour = bottom
		}
		p.bar(string(w), number(medians[w].Median)+" s", colour, 0, medians[w].Median, whole)
	}
}

// drawTo writes the picture, if there is one.
func (r *report) drawTo(path string) error {
	text := r.draw()
	if text == "" {
		return nil
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
