package console

import "context"

// Untitled leaves the terminal its own title. It is called before TakeTitle.
func (c *Console) Untitled() { c.title.can = false }

// TakeTitle saves the title of the terminal, if it has one, and shows another
// until giveBack is called.
func (c *Console) TakeTitle() (giveBack func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.title.taken = c.title.can; c.title.taken {
		_ = c.write(entry{text: saveTitle})
	}
	c.title.show(c.screen, "starting")
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		// Where the terminal has no memory for titles, this one stays.
		c.title.show(c.screen, "stopped")
		if c.title.taken {
			_ = c.write(entry{text: restoreTitle})
		}
		c.title.taken = false
	}
}

// KeepTitle keeps the title true until ctx ends: whenever something has been
// shown, words is asked what it is to be. It may block.
func (c *Console) KeepTitle(ctx context.Context, words func() string) {
	c.mu.Lock()
	c.title.kept = c.title.taken
	c.mu.Unlock()
	if !c.title.kept {
		return
	}
	for {
		text := words()
		c.mu.Lock()
		c.title.show(c.screen, text)
		c.mu.Unlock()
		select {
		case <-c.title.news:
		case <-ctx.Done():
			return
		}
	}
}
