package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	chromium "github.com/jarloop/jarloop/cmd/internal/browser"
	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// TestThePageShowsWhatHappens does with a browser what a developer does, on a machine
// of its own: sees a save through, finds out why another one failed, goes back by a
// button, reads what the service prints, and has the page go on after a kill.
func TestThePageShowsWhatHappens(t *testing.T) {
	s := newLab(t, true)
	s.LXC = filepath.Join(s.Dir, "lxc") // what is kept for other tests stays
	s.write(s.config, replace(t, s.small("", "health = { path = \"/\", timeout = \"2s\" }\ndrain = \"100ms\""), map[string]string{
		"exec = \"httpd -f -p 8080 -h /page\"": "exec = \"echo serving; exec httpd -f -p $(cat /page/address 2>/dev/null || echo 8080) -h /page\"",
	}))
	share := filepath.Join(s.Share, "volume-page")
	if err := os.Mkdir(share, 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(share, "index.html"), "one")
	s.run()
	s.agent.await(0, "live", "page")
	tab := s.browse()
	await := func(expression string) {
		t.Helper()
		if err := tab.Await(expression); err != nil {
			t.Fatal(err)
		}
	}
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := tab.Do(actions...); err != nil {
			t.Fatal(err)
		}
	}
	const card = "document.querySelector('.card[data-service=page]')"
	await(card + ".querySelector('.serves[data-generation=page-1]') && " + card + ".innerText.includes(':80')")

	do(chromedp.Evaluate[chromedp.Void]("window.shownAt = new Promise((done) => { const look = () => " + card + ".querySelector('.serves[data-generation=page-2]') ? done(Date.now()) : requestAnimationFrame(look); look(); })"))
	from := s.agent.now()
	s.write(filepath.Join(share, "index.html"), "two")
	shown, err := chromium.Eval[float64](tab, "window.shownAt")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("from the line of run to what the page shows: %d ms", int64(shown)-s.agent.await(from, "live", "page").at.UnixMilli())
	await("document.querySelector('.feed li[data-kind=live]').innerText.includes('page-2')")

	s.write(filepath.Join(share, "address"), "nowhere")
	await("document.querySelector('.problem').innerText.includes('page-2 still serves')")
	do(chromedp.Click(chromedp.CSS(".problem a.link")))
	await("document.querySelector('.trouble .reason').textContent !== '' && document.querySelector('.bars .failed')")
	await("[...document.querySelectorAll('.own-logs .text')].some((l) => l.textContent === 'serving')")
	await("document.querySelectorAll('.one .waterfall li').length > 3")

	do(chromedp.Click(chromedp.CSS(".roll")), chromedp.WaitVisible(chromedp.CSS("dialog .primary")), chromedp.Click(chromedp.CSS("dialog .primary")))
	await("document.querySelector('.results [data-state=done]')")
	await("document.querySelector('.badge').innerText === 'pinned'")
	s.agent.eventually("the laptop is answered by what was gone back to", func() bool {
		out, _ := s.Laptop(s.ctx, "curl", "-s", "http://"+lab.Address+"/").Output() // not yet, where it fails
		return string(out) == "one"
	})

	s.agent.kill()
	await("document.querySelector('.broken').innerText.includes('does not answer since')")
	s.run()
	await("!document.querySelector('.broken') && document.querySelector('.link-state').innerText !== ''")
	await("document.querySelector('.badge').innerText === 'pinned'")
	for _, line := range tab.Written() {
		if !strings.Contains(line, "net::ERR_") { // the agent was killed
			t.Errorf("the page wrote to the console: %s", line)
		}
	}
}

// browse opens the page in a browser, by a port that is forwarded.
func (s *system) browse() *chromium.Tab {
	s.t.Helper()
	printed, status := s.verb("page")
	if status != 0 || !strings.Contains(printed, "/#token=") {
		s.t.Fatalf("jarloop page exits with %d: %s", status, printed)
	}
	const there = "127.0.0.1:8079"
	here, err := s.Forward(s.ctx, there)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := chromium.New(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := b.Close(); err != nil {
			s.t.Error(err)
		}
	})
	tab, err := b.Open(1280, 800, strings.Replace(strings.TrimSpace(printed), there, here, 1))
	if err != nil {
		s.t.Fatal(err)
	}
	return tab
}
