// Package browser runs a headless Chromium, for tests of the page and for its
// pictures. It keeps its files in a folder of its own, and what a page writes to the
// console is kept: a page that is in order writes nothing there.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience bounds what is waited for on a page.
const patience = 30 * time.Second

// Browser is one that runs.
type Browser struct {
	dir   string
	alloc context.Context
	ends  []context.CancelFunc
	first context.Context // of the tab that the browser was started with
}

// Path gives the browser that is installed.
func Path() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no chromium: install Debian's package of that name")
}

// New starts a browser. Options are added to its command line.
func New(ctx context.Context, options ...chromedp.ExecAllocatorOption) (b *Browser, err error) {
	path, err := Path()
	if err != nil {
		return nil, err
	}
	b = &Browser{}
	if b.dir, err = os.MkdirTemp("", "jarloop-browser-"); err != nil {
		return nil, err
	}
	all := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(b.dir),
		chromedp.NoSandbox, // root has none, and what is opened is ours
		chromedp.Flag("hide-scrollbars", true),
	)
	alloc, end := chromedp.NewExecAllocator(ctx, append(all, options...)...)
	b.alloc, b.ends = alloc, []context.CancelFunc{end}
	first, endFirst := chromedp.NewContext(alloc)
	b.first, b.ends = first, append(b.ends, endFirst)
	if err := chromedp.Do(first); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", path, err), b.Close())
	}
	return b, nil
}

// WhatIsLeft has a browser take what nobody else wants of the processors (SCHED_IDLE,
// sched(7)): on the laptop it has others than the agent. Two tabs with nice(1) alone made
// redeploys on two processors a fifth slower.
func WhatIsLeft() chromedp.ExecAllocatorOption {
	return chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = "/usr/bin/chrt", append([]string{"chrt", "--idle", "0", cmd.Path}, cmd.Args[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // as without this option
	})
}

// Close ends the browser and removes its files.
func (b *Browser) Close() error {
	for i := len(b.ends) - 1; i >= 0; i-- {
		b.ends[i]()
	}
	return os.RemoveAll(b.dir)
}

// Tab is one page.
type Tab struct {
	ctx     context.Context
	end     context.CancelFunc
	mu      sync.Mutex
	written []string // to the console
}

// Open opens a tab with a window of that size, and an address.
func (b *Browser) Open(width, height int64, address string) (*Tab, error) {
	ctx, end := chromedp.NewContext(b.first)
	b.ends = append(b.ends, end)
	t := &Tab{ctx: ctx, end: end}
	console := chromedp.Console(ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			t.mu.Lock()
			t.written = append(t.written, fmt.Sprintf("%s: %s (%s)", m.Type, m.Text, m.URL))
			t.mu.Unlock()
		}
	}()
	if err := t.Do(chromedp.EmulateViewport(width, height), chromedp.Navigate(address)); err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	return t, nil
}

// Close closes the tab.
func (t *Tab) Close() error {
	defer t.end()
	return chromedp.Cancel(t.ctx)
}

// Do does what chromedp can do.
func (t *Tab) Do(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// Go follows a link within the page.
func (t *Tab) Go(to string) error {
	return t.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("location.hash = %q", to)))
}

// Press presses a key as a person does: what the page prevents is not typed.
func (t *Tab) Press(key string) error {
	if len(key) != 1 || key < " " {
		return t.Do(chromedp.KeyEvent(key))
	}
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key})
	if err == nil {
		_, err = chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: key})
	}
	return err
}

// Written gives what the page has written to the console.
func (t *Tab) Written() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.written...)
}

// Prefer sets what a person has set in the system, such as prefers-color-scheme.
func (t *Tab) Prefer(feature, value string) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
	})
	return err
}

// Picture gives what is seen in the window, as PNG.
func (t *Tab) Picture() ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	return shot.Data, err
}

// Await waits until an expression of JavaScript is true.
func (t *Tab) Await(expression string) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	for {
		so, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")", chromedp.EvalAwaitPromise))
		if so {
			return nil
		}
		select {
		case <-ctx.Done():
			text, _ := Eval[string](t, "document.body.innerText.slice(0, 2000)")
			return fmt.Errorf("not within %v: %s (%w); the page shows:\n%s\nits console: %s", patience, expression, err, text, strings.Join(t.Written(), "\n"))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Eval gives the value of an expression of JavaScript, of a promise what it becomes.
func Eval[T any](t *Tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}
