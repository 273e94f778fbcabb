package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/browser"
)

// seen gives the outline of a page: the texts of what a person looks at, without what
// comes and goes while nobody changes the page.
const seen = `[...document.querySelectorAll("h1, h2, h3, nav a, button, .problem, .card, .badge, .reason, .lane, .waterfall li, .key, .trace, th, .log-count")]
	.filter((n) => n.checkVisibility() && !n.closest(".feed"))
	.map((n) => n.localName + (n.classList.length ? "." + n.classList[0] : "") + ": " + n.innerText.trim().replace(/\s+/g, " "))`

// view is the page in a browser that sees it by a port that is forwarded.
type view struct {
	*browser.Browser
	tab *browser.Tab
}

// looks opens the page of the agent.
func (d *developer) looks(width, height int64) (v *view) {
	d.does(func() error {
		printed, err := d.VM(d.ctx, d.program, "page", "--config", filepath.Join(d.Dir, "config.toml")).Output()
		if err != nil {
			return fmt.Errorf("jarloop page: %w", err)
		}
		address := ""
		for word := range strings.FieldsSeq(string(printed)) {
			if strings.Contains(word, "#token=") {
				address = word
			}
		}
		if address == "" {
			return fmt.Errorf("jarloop page prints no address: %q", printed)
		}
		const there = "127.0.0.1:8079"
		here, err := d.Forward(d.ctx, there)
		if err != nil {
			return err
		}
		v = &view{}
		if v.Browser, err = browser.New(d.ctx); err != nil {
			return err
		}
		v.tab, err = v.Open(width, height, strings.Replace(address, there, here, 1))
		if err == nil {
			return nil
		}
		return errors.Join(err, v.Close())
	})
	return v
}

// takes takes a picture of the page at an address, by day or by night.
func (d *developer) takes(v *view, name, scheme, to, there string) (p picture) {
	d.does(func() error {
		if err := errors.Join(v.tab.Prefer("prefers-color-scheme", scheme), v.tab.Go(to)); err != nil {
			return err
		}
		if err := v.tab.Await(there); err != nil {
			return err
		}
		lines, err := browser.Eval[[]string](v.tab, seen)
		if err != nil {
			return err
		}
		p = picture{name: name, outline: lines}
		if p.image, err = v.tab.Picture(); err != nil {
			return err
		}
		if p.image, err = withOutline(p.image, p.outline); err != nil {
			return err
		}
		if written := v.tab.Written(); len(written) > 0 {
			return fmt.Errorf("the page wrote to the console: %q", written)
		}
		return nil
	})
	return p
}
