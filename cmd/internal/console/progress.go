package console

import (
	"fmt"
	"time"

	"github.com/jarloop/jarloop/deployer/base"
)

// progressEvery is how often a line shows how far a base has come.
const progressEvery = 5 * time.Second

// Progress shows how far the build, export or import of a base has come: each step
// as it begins, and now and then a line of what is done at the moment.
func (c *Console) Progress(p base.Progress) {
	c.mu.Lock()
	due := p.Line == "" || c.now().Sub(c.progress) >= progressEvery
	if due {
		c.progress = c.now()
	}
	if !c.title.kept { // nothing of the services is known yet
		c.title.show(c.screen, p.Doing+" "+p.Base)
	}
	c.mu.Unlock()
	if !due {
		return
	}
	text := fmt.Sprintf("%s  %.0f s", p.Step, p.Elapsed.Seconds())
	if p.Estimate > 0 {
		text += fmt.Sprintf(" of about %.0f s", p.Estimate.Seconds())
	}
	if p.Line != "" {
		text += "  " + c.paint(dim, plain(p.Line))
	}
	c.tell(notice{what: p.Doing, text: text, record: record{
		Base: p.Base, Step: p.Step, Line: p.Line, Elapsed: p.Elapsed, Estimate: p.Estimate, Message: p.Doing,
	}})
}

// Built says that a base is ready.
func (c *Console) Built(name, container string) { c.done(name, "built", container) }

// Imported says that a base is ready that came from a file.
func (c *Console) Imported(name, container string) { c.done(name, "imported", container) }

func (c *Console) done(name, what, container string) {
	c.tell(notice{colour: green, what: what, text: container, record: record{Base: name, Container: container, Message: what}})
}

// Exported says that a base is in a file, of so many bytes.
func (c *Console) Exported(name, file string, size int64) {
	c.tell(notice{
		colour: green, what: "exported", text: fmt.Sprintf("%s  %s", plain(file), Size(size)),
		record: record{Base: name, File: file, Bytes: size, Message: "exported"},
	})
}
