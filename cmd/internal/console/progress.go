package console

import (
	"fmt"
	"time"

	"github.com/jarloop/jarloop/deployer/base"
)

// progressEvery is how often a build is told of.
const progressEvery = 5 * time.Second

// Progress tells how the build of a base is getting on: each step as it
// begins, and now and then what is done at the moment.
func (c *Console) Progress(p base.Progress) {
	c.mu.Lock()
	due := p.Line == "" || c.now().Sub(c.told) >= progressEvery
	if due {
		c.told = c.now()
	}
	c.mu.Unlock()
	if !due {
		return
	}
	if !c.person {
		c.log.Info().Str("base", p.Base).Str("step", p.Step).Str("line", p.Line).
			Dur("elapsed_ms", p.Elapsed).Dur("estimate_ms", p.Estimate).Msg("building")
		return
	}
	text := fmt.Sprintf("%s  %.0f s", p.Step, p.Elapsed.Seconds())
	if p.Estimate > 0 {
		text += fmt.Sprintf(" of about %.0f s", p.Estimate.Seconds())
	}
	if p.Line != "" {
		text += "  " + c.paint(dim, plain(p.Line))
	}
	c.line(p.Base, "", "building", text)
}

// Built tells that a base is ready.
func (c *Console) Built(name, container string) {
	if !c.person {
		c.log.Info().Str("base", name).Str("container", container).Msg("built")
		return
	}
	c.line(name, green, "built", container)
}
