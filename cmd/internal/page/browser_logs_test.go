package page_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/browser"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/logs"
)

// follow hands on what a generation prints, as the engine does, until end is called,
// which waits for all of it.
func (w *world) follow(service string, number int) (end func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	folder := logs.FolderOf(w.folders.Logs, service, number)
	check(w.t, os.MkdirAll(folder.Reports(), 0o755))
	check(w.t, os.WriteFile(folder.Out(), nil, 0o644))
	var over sync.WaitGroup
	over.Go(func() {
		_, err := logs.Follow(ctx, func() (*os.File, error) { return logs.Open(folder.Out()) }, 0, logs.Options{}, func(l logs.Line) {
			w.server.Line(deployer.Line{Service: service, Generation: generation(service, number), Text: l.Text, Coloured: l.Coloured, Offset: l.Offset, Unfinished: l.Unfinished})
		})
		if err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
	})
	return func() { cancel(); over.Wait() }
}

const shownLines = "[...document.querySelectorAll('.log-box .line .text')].map((l) => l.textContent)"

// TestLogsAcrossTenSwitches has ten generations print one after the other, 200 lines
// a second, while somebody looks, and loses no line.
func TestLogsAcrossTenSwitches(t *testing.T) {
	const generations, each = 11, 200
	w := newWorld(t)
	w.serve()
	tab := w.open(1440, 900, "#/logs?service=person")
	w.await(tab, "document.querySelector('.log-foot').innerText.includes('0 lines')")
	// The longest time between two frames, as somebody sees it who looks.
	w.run(tab, "window.gaps = []; { let last = performance.now(); const look = (now) => { gaps.push(now - last); last = now; requestAnimationFrame(look); }; requestAnimationFrame(look); }")
	var want []string
	for number := 1; number <= generations; number++ {
		end := w.follow("person", number)
		for i := range each / 10 {
			var lines []string
			for j := range 10 {
				lines = append(lines, fmt.Sprintf("generation %d line %d", number, i*10+j))
			}
			w.print("person", number, lines...)
			want = append(want, lines...)
			time.Sleep(50 * time.Millisecond) // the rate of the load, nothing is waited for
		}
		w.await(tab, fmt.Sprintf("%s.at(-1) === %q", shownLines, want[len(want)-1]))
		end()
	}
	got, err := browser.Eval[[]string](tab, shownLines)
	check(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not every line once and in order:\n%s", diff)
	}
	gaps, err := browser.Eval[[]float64](tab, "[gaps.length, Math.max(...gaps), gaps.filter((g) => g > 50).length]")
	check(t, err)
	t.Logf("%.0f frames, the longest after %.0f ms, %.0f after more than 50 ms", gaps[0], gaps[1], gaps[2])
	below, err := browser.Eval[float64](tab, "(() => { const b = document.querySelector('.log-box'); return b.scrollHeight - b.scrollTop - b.clientHeight; })()")
	check(t, err)
	if below >= 4 {
		t.Errorf("the end is %v pixels below what is seen", below)
	}
}

// TestLogsGoOnAfterABreak ends the agent while somebody reads, and prints meanwhile.
func TestLogsGoOnAfterABreak(t *testing.T) {
	w := newWorld(t)
	w.serve()
	tab := w.open(1440, 900, "#/logs?service=person")
	end := w.follow("person", 7)
	w.print("person", 7, "one", "two")
	w.await(tab, shownLines+".join() === 'one,two'")
	w.end()
	end()
	w.await(tab, "document.querySelector('.log-foot').innerText.includes('does not answer')")
	w.print("person", 7, "three")
	w.serve()
	w.await(tab, shownLines+".join() === 'one,two,three'")
}

func TestLogsAreFiltered(t *testing.T) {
	w := newWorld(t)
	w.serve()
	w.print("person", 7, "10:00 INFO  hello <img src=x onerror=alert(1)>", "10:01 \x1b[31mERROR\x1b[0m broken", "\tat Some.java:1", "10:02 WARN careful", "10:03 INFO hello again")
	w.print("session", 7, "10:00 INFO session")
	tab := w.open(1440, 900, "#/logs")
	w.await(tab, shownLines+".length === 6")
	markup, err := browser.Eval[int](tab, "document.querySelectorAll('.log-box img').length")
	check(t, err)
	if markup != 0 {
		t.Error("what a service prints became markup")
	}
	w.await(tab, "getComputedStyle([...document.querySelectorAll('.log-box .a-red')].find((n) => n.textContent === 'ERROR')).color !== getComputedStyle(document.body).color")
	check(t, tab.Do(chromedp.SendKeys(chromedp.CSS(".log-q"), "hello")))
	w.await(tab, shownLines+".length === 2 && document.querySelectorAll('.log-box mark').length === 2")
	w.await(tab, "document.querySelector('.log-foot').innerText.includes('2 of 6 lines shown') && location.hash.includes('q=hello')")
	for filter, want := range map[string]string{
		"q=/HELLO$/":                  "",
		"q=/hello (?!x).*n$/":         "refused", // the agent's patterns have no look ahead
		"q=/again$/":                  "10:03 INFO hello again",
		"q=/HELLO A/i":                "10:03 INFO hello again",
		"level=error":                 "10:01 ERROR broken,\tat Some.java:1",
		"service=session":             "10:00 INFO session",
		"service=session&level=error": "",
	} {
		w.run(tab, fmt.Sprintf("location.hash = %q", "#/logs?"+strings.NewReplacer(" ", "%20", "+", "%2B").Replace(filter)))
		if want == "refused" {
			w.await(tab, "document.querySelector('.log-foot [role=alert]').textContent !== ''")
			continue
		}
		w.await(tab, fmt.Sprintf("!document.querySelector('.log-foot [role=alert]') && document.querySelector('.log-foot').innerText.includes(' shown, the filter hides') && %s.join() === %q || %[1]s.join() === %[2]q && %[2]q !== ''", shownLines, want))
	}
	// Errors are found without scrolling.
	w.run(tab, "location.hash = '#/logs'")
	w.await(tab, "document.querySelector('.log-errors').innerText === '2 errors'")
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".log-errors"))))
	w.await(tab, shownLines+".length === 2 && location.hash.includes('level=error')")
	// A link shows another person the same.
	other := w.open(1440, 900, "#/logs?service=person&level=warn")
	w.await(other, shownLines+".length === 3 && document.querySelector('.log-level').value === 'warn' && document.querySelector('.chips [aria-pressed=true]').textContent === 'person'")
}

// TestLogsOfLongAgo scrolls back through more than is ever held at once.
func TestLogsOfLongAgo(t *testing.T) {
	w := newWorld(t)
	w.serve()
	var all []string
	for i := range 20_000 {
		all = append(all, fmt.Sprintf("line %d", i))
	}
	w.print("person", 7, all...)
	tab := w.open(1440, 900, "#/logs?service=person")
	w.await(tab, shownLines+".at(-1) === 'line 19999'")
	w.run(tab, "document.querySelector('.log-box').scrollTop = 300")
	w.await(tab, "document.querySelector('.log-foot .primary')") // paused
	w.await(tab, "(() => { const b = document.querySelector('.log-box'); b.scrollTop = 0; return "+shownLines+"[0] === 'line 0'; })()")
	w.await(tab, "document.querySelectorAll('.log-box .line').length <= 3200")
	end := make(chan struct{})
	go func() {
		defer close(end)
		w.server.Line(deployer.Line{Service: "person", Generation: "person-7", Text: "fresh", Offset: 1 << 30})
	}()
	<-end
	w.await(tab, "document.querySelector('.log-foot').innerText.includes('20,001 lines')")
	still, err := browser.Eval[string](tab, shownLines+"[0]")
	check(t, err)
	if still != "line 0" {
		t.Errorf("who reads was moved to %q", still)
	}
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".log-foot .primary"))))
	w.await(tab, shownLines+".at(-1) === 'fresh' && !document.querySelector('.log-foot .primary')")
	got, err := browser.Eval[[]string](tab, shownLines)
	check(t, err)
	if want := slices.Concat(all[len(all)-len(got)+1:], []string{"fresh"}); !cmp.Equal(got, want) {
		t.Errorf("lines are missing: %s", cmp.Diff(want, got))
	}
}
