package page_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/jarloop/jarloop/cmd/internal/browser"
)

// seesCards notes when the frame with all forty has been drawn.
const seesCards = `new MutationObserver((_, o) => {
	if (document.querySelectorAll(".card").length < 40) return;
	o.disconnect();
	requestAnimationFrame(() => setTimeout(() => (window.cardsAt = performance.now())));
}).observe(document, { childList: true, subtree: true });`

// paints are the milliseconds from the navigation to what is seen.
type paints struct {
	First float64 `json:"first"` // of anything
	Cards float64 `json:"cards"` // of all services
}

const painted = `({ first: performance.getEntriesByName("first-contentful-paint")[0].startTime, cards: window.cardsAt })`

// BenchmarkFirstPaint opens the page of forty services in a new tab of a browser that
// runs already, signed in, with nothing in its cache:
//
//	go test -run '^$' -bench FirstPaint -benchtime 20x ./cmd/internal/page
func BenchmarkFirstPaint(b *testing.B) {
	w := newWorld(b)
	w.fillTo(40)
	w.serve()
	w.await(w.open(1440, 900, ""), "document.querySelectorAll('.card').length === 40")
	// What no page is faster than, in this browser on this machine.
	floor := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, "<!doctype html><title>floor</title><p>one line</p><script>window.cardsAt = 1</script>")
	}))
	defer floor.Close()
	var first, cards, least []float64
	for b.Loop() {
		least = append(least, w.paint(floor.URL).First)
		p := w.paint("http://" + w.system.Listen.String() + "/")
		first, cards = append(first, p.First), append(cards, p.Cards)
	}
	b.ReportMetric(0, "ns/op") // which has the opening and closing of tabs in it
	for name, all := range map[string][]float64{"first-paint": first, "forty-cards": cards, "one-line": least} {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], name+"-ms")
		b.ReportMetric(all[len(all)*19/20], name+"-p95-ms")
	}
}

// fillTo adds services until there are so many.
func (w *world) fillTo(n int) {
	for i := len(order); i < n; i++ {
		w.add(fmt.Sprintf("service-number-%d", i), order[i%len(order)])
	}
}

// paint opens a page as one that is signed in already, and gives when it is seen.
func (w *world) paint(url string) paints {
	w.t.Helper()
	tab, err := w.browser.Open(1440, 900, "about:blank")
	check(w.t, err)
	defer func() { check(w.t, tab.Close()) }()
	check(w.t, tab.Do(called(network.ClearBrowserCache, cdp.Empty{}), called(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: seesCards}),
		chromedp.Navigate(url)))
	w.await(tab, "window.cardsAt && performance.getEntriesByName('first-contentful-paint').length > 0")
	p, err := browser.Eval[paints](tab, painted)
	check(w.t, err)
	return p
}

// called does what the browser's protocol has.
func called[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, command, params)
		return none, err
	}
}
