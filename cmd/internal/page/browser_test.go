package page_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/browser"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/history"
)

const card = "document.querySelector('.card[data-service=%s]')"

func TestTheGraphOfTheSampleSystem(t *testing.T) {
	w := newWorld(t)
	w.serve()
	tab := w.open(1440, 900, "")
	w.await(tab, "document.querySelectorAll('.card').length === 6")
	edges, err := browser.Eval[[]string](tab, "[...document.querySelectorAll('.edges path')].map((e) => `${e.dataset.from} ${e.dataset.to}`).sort()")
	check(t, err)
	var want []string
	for from, tos := range calls {
		for _, to := range tos {
			want = append(want, from+" "+to)
		}
	}
	slices.Sort(want)
	if !cmp.Equal(edges, want) {
		t.Errorf("calls on the page: %v, not %v", edges, want)
	}
	// The published port at one end, and who is called to the right of who calls.
	left, err := browser.Eval[map[string]float64](tab, "Object.fromEntries([...document.querySelectorAll('.card')].map((c) => [c.dataset.service, c.getBoundingClientRect().left]))")
	check(t, err)
	for from, tos := range calls {
		for _, to := range tos {
			if left[from] >= left[to] {
				t.Errorf("%s stands at %v, and %s, which it calls, at %v", from, left[from], to, left[to])
			}
		}
	}
	text, err := browser.Eval[string](tab, fmt.Sprintf(card, "web")+".innerText")
	check(t, err)
	for _, part := range []string{"web", ":80", "web-7", "live 3 min", "84 MiB"} {
		if !strings.Contains(text, part) {
			t.Errorf("the card of web has no %q: %q", part, text)
		}
	}
}

// TestASaveIsSeenThrough publishes the steps of a deploy one by one.
func TestASaveIsSeenThrough(t *testing.T) {
	w := newWorld(t)
	w.serve()
	tab := w.open(1440, 900, "")
	of := fmt.Sprintf(card, "person")
	deploying := func(done []deployer.Step, now string) *deployer.Status {
		s := live("person", 7)
		s.State = "deploying"
		s.Generations = append(s.Generations, deployer.Exists{Generation: "person-8", Number: 8, State: "candidate", Set: set(8)})
		s.Deploy = &deployer.Progress{Generation: "person-8", Set: set(8), Since: time.Now(), Steps: done, Step: now, StepSince: time.Now()}
		return s
	}
	all := steps(1, "")
	for i, step := range all {
		w.publish(deploying(all[:i], step.Name))
		w.await(tab, fmt.Sprintf("%s.querySelector('[data-generation=person-8] .how').textContent.startsWith(%q)", of, step.Name))
		w.await(tab, of+".querySelector('.serves[data-generation=person-7] .icon-traffic')") // who gets the traffic
	}
	// Both are there while they change places.
	s := live("person", 8)
	s.Draining = []string{"person-7"}
	s.Generations = []deployer.Exists{{Generation: "person-7", Number: 7, State: "draining"}, {Generation: "person-8", Number: 8, State: "live", Since: time.Now()}}
	// When the page shows it is taken on its own clock, which is this machine's.
	w.run(tab, "window.shownAt = new Promise((done) => { const look = () => "+of+".querySelector('.serves[data-generation=person-8]') ? done(Date.now()) : requestAnimationFrame(look); look(); })")
	told := time.Now()
	w.publish(s)
	w.tell(map[string]any{"level": "info", "message": "live", "service": "person", "generation": "person-8", "set": set(8), "took_ms": 343.0})
	shown, err := browser.Eval[float64](tab, "window.shownAt")
	check(t, err)
	t.Logf("from the event to what is seen: %d ms", int64(shown)-told.UnixMilli())
	w.await(tab, of+".querySelector('.leaves[data-generation=person-7]')")
	w.await(tab, "document.querySelector('.feed li[data-kind=live]').innerText.includes('person-8')")
	w.await(tab, "document.querySelector('#said').textContent.includes('person live')")
	w.publish(live("person", 8))
	w.await(tab, "!"+of+".querySelector('[data-generation=person-7]')")
}

var trace = []string{
	"Exception in thread \"main\" java.lang.IllegalStateException: no <b>database</b>",
	"\tat jarloop.example.person.PersonApplication.main(PersonApplication.java:21)",
	"Caused by: java.net.ConnectException: Connection refused",
	"\tat java.base/sun.nio.ch.Net.connect0(Native Method)",
	"\t... 12 more",
}

// fails has the newest files of person fail.
func (w *world) fails() {
	w.print("person", 8, append([]string{"person starts"}, trace...)...)
	w.remember("person",
		history.Entry{Time: time.Now().Add(-time.Hour), Generation: "person-6", Set: set(6), Outcome: history.Live, Took: 431 * time.Millisecond, Steps: remembered(1, "")},
		history.Entry{Time: time.Now().Add(-3 * time.Minute), Generation: "person-7", Set: set(7), Outcome: history.Live, Took: 423 * time.Millisecond, Steps: remembered(2, "")},
		history.Entry{Time: time.Now(), Generation: "person-8", Set: set(8), Outcome: history.Failed, Reason: "its process ended with status 1", Step: "prove", Took: 310 * time.Millisecond, Steps: remembered(1, "prove")})
	s := live("person", 7)
	s.State, s.Failed = "failed", "person-8"
	s.Newest = deployer.Newest{Set: set(8), State: deployer.Broken, Reason: "prove: its process ended with status 1"}
	s.Generations = append(s.Generations, deployer.Exists{Generation: "person-8", Number: 8, State: "kept", Set: set(8)})
	w.publish(s)
}

func remembered(factor time.Duration, last string) (all []history.Step) {
	for _, s := range steps(factor, last) {
		all = append(all, history.Step(s))
	}
	return all
}

func TestAFailureIsExplained(t *testing.T) {
	w := newWorld(t)
	w.serve()
	tab := w.open(1440, 900, "")
	w.fails()
	w.await(tab, "document.querySelector('.problem').innerText.includes('person')")
	inside, err := browser.Eval[bool](tab, "document.querySelector('.problem').getBoundingClientRect().bottom < 300")
	check(t, err)
	if !inside {
		t.Error("what needs somebody is not seen without scrolling")
	}
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".problem a.link"))))
	w.await(tab, "document.querySelector('.trace')")
	shown, err := browser.Eval[string](tab, "document.querySelector('.trace').textContent")
	check(t, err)
	if want := strings.Join(trace, "\n"); shown != want {
		t.Errorf("the trace is shown as\n%s\nnot\n%s", shown, want)
	}
	w.await(tab, "document.querySelectorAll('.bars a').length === 3")
	w.await(tab, "document.querySelector('.bars .failed a').getAttribute('aria-label').startsWith('person-8, failed')")
	w.await(tab, "document.querySelector('.one .waterfall .failed .name').textContent === 'prove'")
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".bars a[data-deploy=person-7]"))))
	w.await(tab, "document.querySelector('.one').dataset.deploy === 'person-7' && location.hash.includes('deploy=person-7')")
	w.await(tab, "document.querySelectorAll('.one .waterfall li').length === 6")
	w.await(tab, "document.title.includes('person failed')")
}

func TestRollbackByButton(t *testing.T) {
	w := newWorld(t)
	w.serve()
	w.keepSet("person", set(6))
	w.agent.outcome.Generation, w.agent.outcome.Took = "person-9", 400*time.Millisecond
	w.agent.rollback = func(string) {
		s := live("person", 9)
		s.State, s.Set = "pinned", set(6)
		s.Newest = deployer.Newest{Set: set(8), State: deployer.Pinned}
		w.publish(s)
	}
	w.fails()
	tab := w.open(1440, 900, "#/service/person")
	w.await(tab, "document.querySelector('.roll')")
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".roll"))))
	w.await(tab, "document.querySelector('dialog[open]').innerText.includes('"+set(6)[:8]+"')")
	if asked := w.agent.notes(); len(asked) > 0 {
		t.Errorf("it was done before the answer: %v", asked)
	}
	check(t, tab.Do(chromedp.Click(chromedp.CSS("dialog .primary"))))
	w.await(tab, "document.querySelector('.results [data-state=done]').innerText.includes('person-9 is live')")
	w.await(tab, "document.querySelector('.badge').innerText.includes('pinned')")
	if want := []string{"rollback person " + set(6)}; !cmp.Equal(w.agent.notes(), want) {
		t.Errorf("asked for %v, not %v", w.agent.notes(), want)
	}
	w.run(tab, "location.hash = '#/'")
	w.await(tab, "document.querySelector('.feed li[data-kind=asked]').innerText.includes('127.0.0.1')")
}

func TestActs(t *testing.T) {
	w := newWorld(t)
	w.serve()
	tab := w.open(1440, 900, "#/service/session")
	w.agent.outcome.Generation = "session-8"
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".act-deploy"))))
	w.await(tab, "document.querySelector('.results [data-state=done]')")
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".act-pause"))))
	w.await(tab, "document.querySelectorAll('.results [data-state=done]').length === 2")
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".act-divert")), chromedp.SendKeys(chromedp.CSS("dialog input"), "10.0.2.2:8085"), chromedp.Click(chromedp.CSS("dialog .primary"))))
	w.await(tab, "document.querySelector('.results [data-state=warned]').innerText.includes('nothing accepts connections')")
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".act-restart")), chromedp.WaitVisible(chromedp.CSS("dialog")), chromedp.KeyEvent(kb.Escape)))
	w.await(tab, "!document.querySelector('dialog')")
	check(t, tab.Do(chromedp.Click(chromedp.CSS(".act-restart")), chromedp.Click(chromedp.CSS("dialog .grave"))))
	w.await(tab, "document.querySelector('.results [data-state=failed]').innerText.includes('it is not live')")
	want := []string{"deploy session", "pause session true", "divert session 10.0.2.2:8085", "restart session"}
	if got := w.agent.notes(); !cmp.Equal(got, want) {
		t.Errorf("asked for %v, not %v", got, want)
	}
}

func TestABreakAndItsRepair(t *testing.T) {
	w := newWorld(t)
	w.serve()
	tab := w.open(1440, 900, "")
	w.await(tab, "document.querySelectorAll('.card').length === 6")
	w.end()
	w.await(tab, "document.querySelector('.broken').innerText.includes('does not answer since')")
	w.await(tab, "document.querySelectorAll('.card').length === 6") // what was there stays
	w.agent.shown[3] = live("session", 12)
	w.serve()
	w.await(tab, "!document.querySelector('.broken')")
	w.await(tab, fmt.Sprintf(card, "session")+".innerText.includes('session-12')")
}

func TestWithoutItsToken(t *testing.T) {
	w := newWorld(t)
	w.serve()
	w.open(800, 600, "") // has a browser
	other, err := browser.New(t.Context())
	check(t, err)
	defer other.Close()
	for _, to := range []string{"/", "/#token=wrong"} {
		tab, err := other.Open(800, 600, "http://"+w.system.Listen.String()+to)
		check(t, err)
		w.await(tab, "document.querySelector('.door').innerText.includes('sudo jarloop page')")
		w.await(tab, "!location.hash.includes('token')")
	}
}

// TestByKeyboardAlone does without a mouse what the page is for.
func TestByKeyboardAlone(t *testing.T) {
	w := newWorld(t)
	w.serve()
	w.agent.outcome.Generation = "person-8"
	tab := w.open(1440, 900, "")
	w.await(tab, "document.querySelectorAll('.card').length === 6")
	w.run(tab, "document.querySelector('.card .open').focus()")
	w.press(tab, kb.ArrowRight)
	w.await(tab, "document.activeElement.textContent === 'frontend'")
	w.await(tab, "document.querySelectorAll('.edges .near').length === 4") // what it calls, and who calls it
	w.press(tab, kb.ArrowRight, kb.ArrowDown)
	focused, err := browser.Eval[string](tab, "document.activeElement.textContent")
	check(t, err)
	if !slices.Contains(calls["frontend"], focused) {
		t.Errorf("right and down of frontend is %q", focused)
	}
	outlined, err := browser.Eval[bool](tab, "getComputedStyle(document.activeElement.closest('.card')).outlineStyle !== 'none'")
	check(t, err)
	if !outlined {
		t.Error("the focus is not seen")
	}
	w.press(tab, kb.Enter)
	w.await(tab, "document.querySelector('.service-head h1').textContent === '"+focused+"'")
	w.press(tab, kb.Escape, "t")
	w.await(tab, "document.querySelector('table')")
	w.press(tab, "g")
	w.await(tab, "document.querySelector('.graph')")
	w.press(tab, "/")
	w.press(tab, strings.Split("pers", "")...)
	w.await(tab, "document.querySelectorAll('.card').length === 1 && document.querySelector('.bar').innerText.includes('1 of 6 services shown')")
	w.await(tab, "location.hash.includes('q=pers')")
	w.press(tab, kb.Escape, "l")
	w.await(tab, "document.querySelector('.log-box')")
	w.press(tab, "?")
	w.await(tab, "document.querySelector('dialog[open] .keys')")
	w.press(tab, kb.Escape)
	w.await(tab, "!document.querySelector('dialog')")
	// By the tabulator to a button, and the question by Enter alone.
	w.run(tab, "location.hash = '#/service/person'")
	w.await(tab, "document.querySelector('.act-restart')")
	for range 40 {
		at, err := browser.Eval[bool](tab, "document.activeElement.matches('.act-restart')")
		check(t, err)
		if at {
			break
		}
		w.press(tab, kb.Tab)
	}
	w.press(tab, kb.Enter)
	w.await(tab, "document.activeElement.matches('dialog .grave')")
	w.press(tab, kb.Enter)
	w.await(tab, "document.querySelector('.results li')")
	w.await(tab, "document.activeElement.matches('.act-restart')") // where it was
	if got := w.agent.notes(); !cmp.Equal(got, []string{"restart person"}) {
		t.Errorf("asked for %v", got)
	}
}

func TestFortyServicesStayLegible(t *testing.T) {
	w := newWorld(t)
	w.fillTo(40)
	w.serve()
	tab := w.open(1440, 900, "")
	w.await(tab, "document.querySelectorAll('.card').length === 40")
	wrong, err := browser.Eval[[]string](tab, `(() => {
		const cards = [...document.querySelectorAll(".card")];
		const boxes = cards.map((c) => c.getBoundingClientRect());
		const wrong = [];
		boxes.forEach((a, i) => boxes.forEach((b, j) => i < j && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom && wrong.push(cards[i].dataset.service + " lies over " + cards[j].dataset.service)));
		cards.forEach((c, i) => {
			const name = c.querySelector(".open");
			if (name.scrollWidth > name.clientWidth) wrong.push(c.dataset.service + " is cut off");
			if (boxes[i].right > innerWidth) wrong.push(c.dataset.service + " is outside");
			for (const n of c.querySelectorAll("*")) if (n.childElementCount === 0 && n.textContent && parseFloat(getComputedStyle(n).fontSize) < 11) wrong.push(n.textContent + " is too small");
		});
		return wrong;
	})()`)
	check(t, err)
	if len(wrong) > 0 {
		t.Error(strings.Join(wrong, "\n"))
	}
	check(t, tab.Prefer("prefers-reduced-motion", "reduce"))
	s := live("person", 7)
	s.Deploy = &deployer.Progress{Generation: "person-8", Since: time.Now(), Step: "start", StepSince: time.Now()}
	w.publish(s)
	w.await(tab, fmt.Sprintf(card, "person")+".querySelector('.icon-working')")
	w.await(tab, "getComputedStyle(document.querySelector('.icon-working')).animationName === 'none'")
}

func TestOnAPhone(t *testing.T) {
	w := newWorld(t)
	w.serve()
	w.fails()
	for _, to := range []string{"#/", "#/?as=table", "#/service/person", "#/logs"} {
		tab := w.open(360, 740, to)
		w.await(tab, "document.querySelector('.card, table, .trace, .log-box')")
		wide, err := browser.Eval[string](tab, "document.documentElement.scrollWidth > innerWidth ? [...document.querySelectorAll('body *')].filter((n) => n.getBoundingClientRect().right > innerWidth).map((n) => n.className).join(', ') : ''")
		check(t, err)
		if wide != "" {
			t.Errorf("%s is wider than a phone: %s", to, wide)
		}
	}
}
