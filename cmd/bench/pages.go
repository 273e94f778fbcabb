package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/browser"
	"github.com/jarloop/jarloop/cmd/internal/control"
)

const (
	// browserPages and plainPages are the readers of the page's events, and slowPages
	// such as take no more than slowPart every slowEvery.
	browserPages, plainPages, slowPages = 2, 7, 1
	slowPart, slowEvery                 = 1024, 100 * time.Millisecond
	// slowBuffer is what the kernel keeps for a slow one, so that it is the agent that
	// has to wait for it.
	slowBuffer = 4096

	pageAt = "127.0.0.1:8079" // on the VM
)

// pages are people who look at the page.
type pages struct {
	*rig
	browser *browser.Browser
	tabs    []*browser.Tab
	end     context.CancelFunc
	reading sync.WaitGroup
	plain   []*reader
}

// openPages opens the page ten times. The caller closes it.
func (r *rig) openPages(ctx context.Context) (p *pages, err error) {
	at, err := r.control.Page(ctx, control.PageRequest{})
	if err != nil {
		return nil, err
	}
	p = &pages{rig: r}
	ctx, p.end = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	for i := range plainPages + slowPages {
		one := &reader{slow: i >= plainPages, shown: map[string]string{}}
		p.plain = append(p.plain, one)
		client := r.Local(true)
		client.Timeout = 0 // it reads until it is told to end
		if one.slow {
			slowly(client)
		}
		p.reading.Go(func() { one.err = one.read(ctx, client, at.Token) })
	}
	// Beside the VM, as on the laptop: one that sees its networks come and go gives up
	// what it is loading.
	here, err := r.Forward(ctx, pageAt)
	if err != nil {
		return p, err
	}
	if p.browser, err = browser.New(ctx, browser.WhatIsLeft()); err != nil {
		return p, err
	}
	for range browserPages {
		tab, err := p.browser.Open(1440, 900, strings.Replace(at.URL, pageAt, here, 1))
		if err != nil {
			return p, err
		}
		p.tabs = append(p.tabs, tab)
		if err := tab.Await("document.querySelector('.card')"); err != nil {
			return p, err
		}
	}
	return p, nil
}

// close has all of them go.
func (p *pages) close() error {
	p.end()
	p.reading.Wait()
	var errs error
	for _, one := range p.plain {
		errs = errors.Join(errs, one.err)
	}
	if p.browser != nil {
		errs = errors.Join(errs, p.browser.Close())
	}
	return errs
}

// generationsShown gives what the page of many services shows on each card.
const generationsShown = `Object.fromEntries([...document.querySelectorAll(".card")].map((c) => [c.dataset.service, c.querySelector(".foot span").title]))`

// current says whether everybody sees what is live, once nothing happens any more: a page
// that costs nothing since it shows nothing would be no use.
func (p *pages) current(ctx context.Context) error {
	if err := p.settled(ctx); err != nil {
		return err
	}
	live, err := p.liveContainers(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		behind, err := p.behind(live)
		if err != nil || behind == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New(behind)
		case <-time.After(askEvery):
		}
	}
}

// behind names one who does not see what is live.
func (p *pages) behind(live map[string]string) (string, error) {
	for i, one := range p.plain {
		if shown := one.now(); !maps.Equal(shown, live) {
			return fmt.Sprintf("reader %d of the page sees %v, not %v", i+1, shown, live), nil
		}
	}
	for _, tab := range p.tabs {
		shown, err := browser.Eval[map[string]string](tab, generationsShown)
		if err != nil {
			return "", err
		}
		if !maps.Equal(shown, live) {
			return fmt.Sprintf("the page shows %v, not %v", shown, live), nil
		}
	}
	return "", nil
}

// reader reads the events of the page as the page does, but draws nothing.
type reader struct {
	slow bool
	err  error // why it has ended

	mu    sync.Mutex
	shown map[string]string // the generation that serves, by service
	whole int               // snapshots that it was given
}

func (o *reader) now() map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.shown)
}

// slowly has the kernel keep little for a client.
func slowly(client *http.Client) {
	t, ok := client.Transport.(*http.Transport)
	if !ok {
		return
	}
	dial := t.DialContext
	t.ReadBufferSize = slowPart
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if tcp, is := conn.(*net.TCPConn); is && err == nil {
			err = tcp.SetReadBuffer(slowBuffer)
		}
		return conn, err
	}
}

// read reads until the context ends, again where it is cut off. It takes what nobody else
// wants of the processors, as the browsers do.
func (o *reader) read(ctx context.Context, client *http.Client, token string) error {
	runtime.LockOSThread() // which ends with this goroutine
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		return fmt.Errorf("have a reader take what is left of the processors: %w", err)
	}
	for {
		err := o.once(ctx, client, token)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
			if err != nil {
				return err
			}
		}
	}
}

func (o *reader) once(ctx context.Context, client *http.Client, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+pageAt+"/api/events", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the page answers %s", answer.Status)
	}
	var body io.Reader = answer.Body
	if o.slow {
		body = &trickle{ctx, answer.Body}
	}
	name := ""
	for in := bufio.NewReaderSize(body, slowPart); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil // cut off, or over
		}
		if kind, found := strings.CutPrefix(line, "event: "); found {
			name = strings.TrimSpace(kind)
		} else if data, found := strings.CutPrefix(line, "data: "); found {
			if err := o.take(name, data); err != nil {
				return err
			}
		}
	}
}

// shownService is what a reader wants to know of one.
type shownService struct {
	Service    string `json:"service"`
	Generation string `json:"generation"`
}

func (o *reader) take(event, data string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch event {
	case "snapshot":
		var all struct {
			Services []shownService `json:"services"`
		}
		o.whole++
		clear(o.shown)
		err := json.Unmarshal([]byte(data), &all)
		for _, one := range all.Services {
			o.shown[one.Service] = one.Generation
		}
		return err
	case "service":
		var one shownService
		err := json.Unmarshal([]byte(data), &one)
		o.shown[one.Service] = one.Generation
		return err
	}
	return nil
}

// trickle is a connection over which little comes.
type trickle struct {
	ctx context.Context
	in  io.Reader
}

func (t *trickle) Read(p []byte) (int, error) {
	select {
	case <-t.ctx.Done():
		return 0, context.Cause(t.ctx)
	case <-time.After(slowEvery):
	}
	return t.in.Read(p[:min(len(p), slowPart)])
}
