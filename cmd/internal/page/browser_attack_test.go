package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jarloop/jarloop/cmd/internal/browser"
)

// TestAPageElsewhereReachesNothing opens a page of another origin in the browser in
// which somebody is signed in, as any page in the internet may be, and a service that
// runs in a container and is published.
func TestAPageElsewhereReachesNothing(t *testing.T) {
	w := newWorld(t)
	w.serve()
	w.open(1000, 700, "") // signed in
	elsewhere := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "text/html")
		fmt.Fprint(answer, "<!doctype html><title>elsewhere</title><body>")
	}))
	t.Cleanup(elsewhere.Close)
	target := "http://" + w.system.Listen.String()
	tab, err := w.browser.Open(1000, 700, elsewhere.URL)
	check(t, err)
	reads := func(how string) string {
		return fmt.Sprintf("(async () => { try { const r = await %s; return r.type === 'opaque' ? 'nothing' : `${r.status} ${await r.text()}`; } catch (e) { return 'nothing'; } })()", how)
	}
	post := `{ method: 'POST', credentials: 'include', headers: { 'Content-Type': '%s' }, body: JSON.stringify({ service: 'person' }) %s }`
	frame := "new Promise((done) => { const f = document.createElement('iframe'); f.onload = () => { try { done(f.contentDocument ? 'blank ' + f.contentDocument.body.innerText : 'nothing'); } catch (e) { done('nothing'); } }; f.src = '%s/'; document.body.append(f); })"
	for name, attack := range map[string]string{
		"reads the state with the cookie":       reads("fetch('" + target + "/api/state', { credentials: 'include' })"),
		"reads it without asking for more":      reads("fetch('" + target + "/api/state', { credentials: 'include', mode: 'no-cors' })"),
		"reads the logs":                        reads("fetch('" + target + "/api/logs', { credentials: 'include' })"),
		"asks for an act as JSON":               reads("fetch('" + target + "/api/acts/restart', " + fmt.Sprintf(post, "application/json", "") + ")"),
		"asks for an act as text":               reads("fetch('" + target + "/api/acts/restart', " + fmt.Sprintf(post, "text/plain", ", mode: 'no-cors'") + ")"),
		"asks with a key that it guesses":       reads("fetch('" + target + "/api/state', { credentials: 'include', headers: { 'X-Jarloop-Key': 'guess' } })"),
		"makes a session":                       reads("fetch('" + target + "/api/session', { method: 'POST', credentials: 'include', body: JSON.stringify({ token: 'guess' }), headers: { 'Content-Type': 'application/json' } })"),
		"reads the page itself":                 reads("fetch('" + target + "/')"),
		"listens to the events":                 "new Promise((done) => { const e = new EventSource('" + target + "/api/events', { withCredentials: true }); e.onopen = () => done('open'); e.addEventListener('snapshot', () => done('read')); e.onerror = () => { e.close(); done('nothing'); }; })",
		"listens to the events with a key":      "new Promise((done) => { const e = new EventSource('" + target + "/api/events?key=guess', { withCredentials: true }); e.onopen = () => done('open'); e.onerror = () => { e.close(); done('nothing'); }; })",
		"opens a web socket":                    "new Promise((done) => { const s = new WebSocket('" + strings.Replace(target, "http", "ws", 1) + "/api/events'); s.onopen = () => done('open'); s.onerror = () => done('nothing'); })",
		"has it in a frame":                     fmt.Sprintf(frame, target),
		"opens it and looks at it from there":   "new Promise((done) => { const o = window.open('" + target + "/'); setTimeout(() => { try { done('read ' + o.document.body.innerText); } catch (e) { done('nothing'); } }, 1500); })",
		"opens it and sends it messages":        "new Promise((done) => { addEventListener('message', (e) => done('answered ' + JSON.stringify(e.data))); const o = window.open('" + target + "/'); let n = 0; const timer = setInterval(() => { o?.postMessage({ service: 'person', act: 'restart', token: 1 }, '*'); if (++n === 10) { clearInterval(timer); done('nothing'); } }, 100); })",
		"posts a form into a window of its own": "new Promise((done) => { const f = document.createElement('form'); f.method = 'POST'; f.enctype = 'text/plain'; f.target = '_blank'; f.action = '" + target + "/api/acts/restart'; const i = document.createElement('input'); i.name = '{\"service\":\"person\",\"x\":\"'; i.value = '\"}'; f.append(i); document.body.append(f); f.submit(); setTimeout(() => done('nothing'), 700); })",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := browser.Eval[string](tab, attack)
			check(t, err)
			if got != "nothing" {
				t.Errorf("it reached %q", got)
			}
			if asked := w.agent.notes(); len(asked) > 0 {
				t.Errorf("it had the agent do %v", asked)
			}
		})
	}
	// What the same calls reach from the page itself, so that it is not for another
	// reason that they reach nothing.
	own := w.open(1000, 700, "")
	got, err := browser.Eval[string](own, reads("fetch('/api/state', { headers: { 'X-Jarloop-Key': localStorage.getItem('jarloop-key') } })"))
	check(t, err)
	if !strings.HasPrefix(got, "200 ") {
		t.Errorf("from the page itself: %s", got)
	}
}

// TestAReboundNameReachesNothing has a name of somebody else lead to this machine, as
// its owner can have it do once a page of it is open (DNS rebinding).
func TestAReboundNameReachesNothing(t *testing.T) {
	w := newWorld(t)
	w.serve()
	b, err := browser.New(t.Context(), chromedp.Flag("host-resolver-rules", "MAP rebound.example 127.0.0.1"))
	check(t, err)
	defer b.Close()
	where, err := w.server.Address(false)
	check(t, err)
	_, token, _ := strings.Cut(where.URL, "#token=")
	tab, err := b.Open(800, 600, fmt.Sprintf("http://rebound.example:%d/", w.port))
	check(t, err)
	for path, options := range map[string]string{
		"/api/state":        "{ headers: { Authorization: 'Bearer " + token + "' } }", // even with the token
		"/api/session":      "{ method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token: '" + token + "' }) }",
		"/":                 "{}",
		"/icon.svg":         "{}",
		"/api/acts/restart": "{ method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: 'Bearer " + token + "' }, body: '{\"service\":\"person\"}' }",
	} {
		status, err := browser.Eval[int](tab, fmt.Sprintf("fetch(%q, %s).then((r) => r.status)", path, options))
		check(t, err)
		if status != http.StatusForbidden {
			t.Errorf("%s gives %d by a name of somebody else", path, status)
		}
	}
	if asked := w.agent.notes(); len(asked) > 0 {
		t.Errorf("it had the agent do %v", asked)
	}
}
