package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// Lines that repeat, and changes that come all at once, are held back for a
// moment, so that a person reads one line instead. Another line about the same
// service shows them first, and one about the agent shows all.
const (
	foldFor   = time.Second            // a line that is printed again and again
	gatherFor = 300 * time.Millisecond // since the last change: one build
)

// held is what is held back. Its caller holds the console's lock.
type held struct {
	*screen
	later func(time.Duration, func()) *time.Timer // calls with that lock held
	folds map[string]*fold                        // by service
	build build
}

// fold is the line that a service has printed last.
type fold struct {
	line  deployer.Line
	text  string // as it is shown
	again int    // how often it came again since that was shown
	timer *time.Timer
}

// build is what the developer has built lately, not shown yet.
type build struct {
	services []string
	what     string // has changed of the first one
	timer    *time.Timer
}

// printed shows a line of a service, or counts it. first says that its
// generation has printed none before.
func (h *held) printed(l deployer.Line, text string, first bool) {
	of := l.Generation + "/" + l.File
	if l.Unfinished {
		h.renew(of, l.Service, h.bar(l.Service, text))
		return
	}
	if f := h.folds[l.Service]; f != nil && f.line == l {
		if f.again++; f.again == 1 {
			f.timer = h.later(foldFor, func() { h.unfold(f) })
		}
		return
	}
	if first {
		h.flush(l.Service)
	} else {
		h.flushLine(l.Service) // an old one prints on during a build
	}
	h.folds[l.Service] = &fold{line: l, text: text}
	_ = h.print(of, l.Service, h.bar(l.Service, text))
}

// changed holds a change back, for others of the same build to come.
func (h *held) changed(service, what string) {
	if slices.Contains(h.build.services, service) {
		h.flushBuild() // that is another one
	}
	if len(h.build.services) == 0 {
		h.build.what = what
	} else {
		h.build.timer.Stop()
	}
	h.build.services = append(h.build.services, service)
	h.build.timer = h.later(gatherFor, h.flushBuild)
}

// flush shows what is held back of a service, of all if it is "".
func (h *held) flush(service string) {
	if service == "" || slices.Contains(h.build.services, service) {
		h.flushBuild()
	}
	if service != "" {
		h.flushLine(service)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(h.folds)) {
		h.flushLine(name)
	}
}

func (h *held) flushLine(service string) {
	if f := h.folds[service]; f != nil {
		h.unfold(f)
		delete(h.folds, service)
	}
}

// unfold shows how often a line came again; once is the line itself.
func (h *held) unfold(f *fold) {
	if f.again == 0 {
		return
	}
	text := f.text
	if f.again > 1 {
		text = h.paint(dim, fmt.Sprintf("last line repeated %d times", f.again))
	}
	f.again = 0
	f.timer.Stop()
	_ = h.print("", f.line.Service, h.bar(f.line.Service, text))
}

func (h *held) flushBuild() {
	b := h.build
	h.build = build{}
	switch len(b.services) {
	case 0:
		return
	case 1:
		h.put(b.services[0], "", "changed", b.what)
	default:
		slices.Sort(b.services)
		h.put("", "", "changed", fmt.Sprintf("%d services: %s", len(b.services), strings.Join(b.services, ", ")))
	}
	b.timer.Stop()
}
