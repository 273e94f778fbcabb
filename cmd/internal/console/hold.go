package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// What comes again and again, or all at once, is held back for a moment, so
// that a person reads one line of it. Whatever else is told of the same service
// tells it first; what the agent says of itself tells all.
const (
	foldFor   = time.Second            // a line that is printed again and again
	gatherFor = 300 * time.Millisecond // since the last change: one build
)

// fold is the line that a service has printed last.
type fold struct {
	line  deployer.Line
	text  string // as it is shown
	again int    // how often it came again since that was told
	timer *time.Timer
}

// build is what the developer has built lately, not told yet.
type build struct {
	services []string
	what     string // has changed of the first one
	timer    *time.Timer
}

// printed shows a line of a service, or counts it. first says that its
// generation has printed none before.
func (c *Console) printed(l deployer.Line, text string, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.folds[l.Service]; f != nil && f.line == l {
		if f.again++; f.again == 1 {
			f.timer = time.AfterFunc(foldFor, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.unfold(f)
			})
		}
		return
	}
	if first {
		c.settle(l.Service)
	} else {
		c.settleLine(l.Service) // an old one prints on during a build
	}
	c.folds[l.Service] = &fold{line: l, text: text}
	c.bar(l.Service, text)
}

// changed holds a change back, for others of the same build to come.
func (c *Console) changed(service, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.news()
	if slices.Contains(c.build.services, service) {
		c.settleBuild() // that is another one
	}
	if len(c.build.services) == 0 {
		c.build.what = what
	} else {
		c.build.timer.Stop()
	}
	c.build.services = append(c.build.services, service)
	c.build.timer = time.AfterFunc(gatherFor, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.settleBuild()
	})
}

// settle tells what is held back of a service, of all if it is "". The lock is
// held.
func (c *Console) settle(service string) {
	if service == "" || slices.Contains(c.build.services, service) {
		c.settleBuild()
	}
	if service != "" {
		c.settleLine(service)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.folds)) {
		c.settleLine(name)
	}
}

func (c *Console) settleLine(service string) {
	if f := c.folds[service]; f != nil {
		c.unfold(f)
		delete(c.folds, service)
	}
}

// unfold tells how often a line came again; once is the line itself.
func (c *Console) unfold(f *fold) {
	if f.again == 0 {
		return
	}
	text := f.text
	if f.again > 1 {
		text = c.paint(dim, fmt.Sprintf("last line repeated %d times", f.again))
	}
	f.again = 0
	f.timer.Stop()
	c.bar(f.line.Service, text)
}

func (c *Console) settleBuild() {
	b := c.build
	c.build = build{}
	switch len(b.services) {
	case 0:
		return
	case 1:
		c.put(b.services[0], "", "changed", b.what)
	default:
		slices.Sort(b.services)
		c.put("", "", "changed", fmt.Sprintf("%d services: %s", len(b.services), strings.Join(b.services, ", ")))
	}
	b.timer.Stop()
}
