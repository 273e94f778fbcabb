package page

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
)

// here are the headers of a browser whose page asks.
func (r *rig) here() []string {
	return []string{"Authorization", "", "Origin", r.url, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}
}

// signedIn gives the headers of a browser that has signed in.
func (r *rig) signedIn() []string {
	r.t.Helper()
	status, head, text := r.do(http.MethodPost, "/api/session", fmt.Sprintf(`{"token":%q}`, r.token()), r.here()...)
	if status != http.StatusOK {
		r.t.Fatalf("it does not sign in: %d %s", status, text)
	}
	cookie, err := http.ParseSetCookie(head.Get("Set-Cookie"))
	if err != nil {
		r.t.Fatal(err)
	}
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/api/" || cookie.Domain != "" || cookie.MaxAge <= 0 {
		r.t.Errorf("the cookie is %s", head.Get("Set-Cookie"))
	}
	if strings.Contains(head.Get("Set-Cookie")+text, r.token()) {
		r.t.Error("the token itself is given to the browser")
	}
	_, key, _ := strings.Cut(text, `{"key":"`)
	return append(r.here(), "Cookie", cookie.Name+"="+cookie.Value, "X-Jarloop-Key", strings.TrimSuffix(key, `"}`))
}

// with gives headers with some of them another way.
func with(head []string, other ...string) []string {
	return append(append([]string(nil), head...), other...)
}

func TestTheTokenBecomesACookieAndAKeyOfWhichBothAreWanted(t *testing.T) {
	r := newRig(t)
	in := r.signedIn()
	for name, c := range map[string]struct {
		head []string
		want int
	}{
		"both":                       {in, 200},
		"the cookie alone":           {with(in, "X-Jarloop-Key", ""), 401}, // all that a service on another port gets
		"the key alone":              {with(in, "Cookie", ""), 401},
		"another key":                {with(in, "X-Jarloop-Key", "x"), 401},
		"neither":                    {r.here(), 401},
		"the token":                  {nil, 200},
		"no bearer":                  {[]string{"Authorization", "Basic " + r.token()}, 401},
		"a wrong token":              {[]string{"Authorization", "Bearer " + r.token()[1:]}, 401},
		"a wrong token and a cookie": {with(in, "Authorization", "Bearer x"), 401},
	} {
		if status, _, text := r.do(http.MethodGet, "/api/state", "", c.head...); status != c.want {
			t.Errorf("%s: %d %s, want %d", name, status, text, c.want)
		}
	}
	status, head, _ := r.do(http.MethodDelete, "/api/session", "", in...)
	if cookie, err := http.ParseSetCookie(head.Get("Set-Cookie")); err != nil || status != http.StatusNoContent || cookie.MaxAge >= 0 {
		t.Errorf("signing out: %d %s", status, head.Get("Set-Cookie"))
	}
	if l := r.open("/api/events?key="+in[len(in)-1], with(in, "X-Jarloop-Key", "")...); l.status != 200 {
		t.Errorf("an EventSource, which sends no header: %d", l.status)
	}
	if status, _, _ := r.do(http.MethodGet, "/api/state?key="+in[len(in)-1], "", with(in, "X-Jarloop-Key", "")...); status != 401 {
		t.Errorf("a key in the address of what is no stream: %d", status)
	}
}

func TestAnotherTokenEndsWhatAnEarlierOneLetIn(t *testing.T) {
	r := newRig(t)
	old, in := r.token(), r.signedIn()
	at, err := r.Address(true)
	if err != nil || at.Token == old || at.URL != r.url+"/#token="+at.Token {
		t.Fatalf("%+v, %v", at, err)
	}
	for _, head := range [][]string{in, {"Authorization", "Bearer " + old}} {
		if status, _, _ := r.do(http.MethodGet, "/api/state", "", head...); status != 401 {
			t.Errorf("what was let in before: %d", status)
		}
	}
	again, err := loadToken(r.Folders.Token) // as the next agent does
	if err != nil || string(again) != at.Token {
		t.Errorf("the next agent wants %q, %v", again, err)
	}
	if info, err := os.Stat(r.Folders.Token); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the token: %v, %v", info.Mode(), err)
	}
}

func TestATokenThatIsNotWholeIsMadeAnew(t *testing.T) {
	path := t.TempDir() + "/token"
	put(t, path, "short\n")
	first, err := loadToken(path)
	if err != nil || len(first) != 43 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := loadToken(path); again != first || err != nil {
		t.Errorf("%q, then %q, %v", first, again, err)
	}
}

// Each of these comes with the right token, or what a browser has of it, but in the
// wrong way: it reaches nothing.
func TestWhoComesInTheWrongWayReachesNothing(t *testing.T) {
	r := newRig(t)
	in := r.signedIn()
	port := fmt.Sprint(r.at.Port())
	const deploy, body = "/api/acts/deploy", `{"services":["frontend"]}`
	for name, c := range map[string]struct {
		method, path, body string
		head               []string
		want               int
	}{
		"a name that leads here (rebinding)":       {"GET", "/api/state", "", []string{"Host", "evil.example:" + port}, 403},
		"rebinding, the page itself":               {"GET", "/", "", []string{"Host", "evil.example:" + port}, 403},
		"rebinding, of the same origin":            {"POST", deploy, body, with(in, "Host", "evil.example:"+port, "Origin", "http://evil.example:"+port), 403},
		"a name that only looks like the address":  {"GET", "/", "", []string{"Host", "127.0.0.1.evil.example"}, 403},
		"another address of this machine":          {"GET", "/", "", []string{"Host", "127.0.0.2:" + port}, 403},
		"an address as a number":                   {"GET", "/", "", []string{"Host", "2130706433"}, 403},
		"the unspecified address":                  {"GET", "/", "", []string{"Host", "0.0.0.0:" + port}, 403},
		"localhost below another name":             {"GET", "/", "", []string{"Host", "localhost.evil.example"}, 403},
		"two ports":                                {"GET", "/", "", []string{"Host", "127.0.0.1:80:80"}, 403},
		"a page elsewhere posts":                   {"POST", deploy, body, with(in, "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"), 403},
		"the same, without Sec-Fetch":              {"POST", deploy, body, with(in, "Origin", "http://evil.example", "Sec-Fetch-Site", ""), 403},
		"a service on another port posts":          {"POST", deploy, body, with(in, "Origin", "http://127.0.0.1:8080", "Sec-Fetch-Site", "same-site"), 403},
		"the same by another name of this machine": {"POST", deploy, body, with(in, "Origin", "http://localhost:"+port), 403},
		"a page without an origin posts":           {"POST", deploy, body, with(in, "Origin", "null"), 403},
		"nobody says which page posts":             {"POST", deploy, body, with(in, "Origin", ""), 403},
		"https posts":                              {"POST", deploy, body, with(in, "Origin", "https://127.0.0.1:"+port), 403},
		"a form posts":                             {"POST", deploy, body, with(in, "Content-Type", "text/plain"), 415},
		"a form posts with its own type":           {"POST", deploy, "a=b", with(in, "Content-Type", "application/x-www-form-urlencoded"), 415},
		"JSON in another charset":                  {"POST", deploy, body, with(in, "Content-Type", "application/json; charset=utf-16"), 415},
		"a page elsewhere reads":                   {"GET", "/api/state", "", with(in, "Origin", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), 403},
		"a page elsewhere opens a stream":          {"GET", "/api/events", "", with(in, "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"), 403},
		"a service on another port reads":          {"GET", "/api/state", "", with(in, "Origin", "", "Sec-Fetch-Site", "same-site"), 403},
		"a page elsewhere takes a script":          {"GET", "/", "", []string{"Authorization", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, 403},
		"a page elsewhere frames it":               {"GET", "/", "", []string{"Authorization", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		"a page elsewhere asks what it may do":     {"OPTIONS", deploy, "", []string{"Authorization", "", "Origin", "http://evil.example", "Access-Control-Request-Method", "POST", "Sec-Fetch-Site", "cross-site"}, 403},
		"an act by GET":                            {"GET", deploy, "", in, 405},
		"an act by PUT":                            {"PUT", deploy, body, in, 405},
		"TRACE":                                    {"TRACE", "/", "", nil, 405},
		"TRACE of an act":                          {"TRACE", deploy, "", nil, 405},
		"OPTIONS":                                  {"OPTIONS", deploy, "", nil, 405},
		"an upgrade":                               {"GET", "/api/events", "", []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, 400},
		"what is none of the acts":                 {"POST", "/api/acts/data", body, in, 404},
		"a body that is too large":                 {"POST", deploy, `{"services":["` + strings.Repeat("x", mostRequest) + `"]}`, in, 413},
		"a field that is not known":                {"POST", deploy, `{"service":"frontend"}`, in, 400},
		"two values":                               {"POST", deploy, body + body, in, 400},
		"no JSON":                                  {"POST", deploy, "[", in, 400},
		"a way out of the files":                   {"GET", "/../page.go", "", nil, 404},
		"a written way out of the files":           {"GET", "/..%2f..%2fpage.go", "", nil, 404},
		"a way out by backslashes":                 {"GET", `/..%5c..%5cpage.go`, "", nil, 404},
		"a folder":                                 {"GET", "/web/", "", nil, 404},
		"a way out of the services":                {"GET", "/api/service/..%2f..%2ftoken", "", in[:], 404},
		"a way out of the sets":                    {"GET", "/api/service/frontend/changes?from=../../x&to=../../y", "", in, 404},
		"a way out of the logs":                    {"GET", "/api/logs?service=../../etc", "", in, 400},
	} {
		if status, head, text := r.do(c.method, c.path, c.body, c.head...); status != c.want {
			t.Errorf("%s: %d %s, want %d", name, status, text, c.want)
		} else if head.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: another page is let in by CORS", name)
		}
	}
	select {
	case asked := <-r.agent.asked:
		t.Errorf("the agent was asked: %s", asked)
	default:
	}
}

func TestALinkElsewhereMayLeadToThePage(t *testing.T) {
	r := newRig(t)
	for _, site := range []string{"cross-site", "same-site", "none", "same-origin"} {
		status, _, text := r.do("GET", "/", "", "Authorization", "", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
		if status != 200 || !strings.Contains(text, "<html") {
			t.Errorf("%s: %d %.80s", site, status, text)
		}
	}
}

func TestRequestsThatNoClientMakes(t *testing.T) {
	r := newRig(t)
	auth := "Authorization: Bearer " + r.token() + "\r\n"
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"HTTP/1.0 without a host":     {"GET /api/state HTTP/1.0\r\n" + auth + "\r\n", 403},
		"HTTP/1.1 without a host":     {"GET /api/state HTTP/1.1\r\n" + auth + "\r\n", 400},
		"two hosts":                   {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", 400},
		"a host in the target":        {"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 403},
		"CONNECT":                     {"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n", 405},
		"lengths that do not agree":   {"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
		"headers without an end":      {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431},
		"what is no HTTP":             {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		"a length and chunks at once": {"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
	} {
		if status := r.raw(c.text); status != c.want {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
}

func TestWhoSendsItsHeadersSlowlyIsCutOff(t *testing.T) {
	r := newRig(t)
	conn, err := net.Dial("tcp4", r.at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.ReadAll(conn) // an error is an end, too
	}()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		select {
		case <-over:
			return
		case <-time.After(100 * time.Millisecond):
			if n > 300 {
				t.Fatal("it may go on for 30 s")
			}
			_, _ = fmt.Fprintf(conn, "X-%d: x\r\n", n) // it is cut off at some time
		}
	}
}

func TestWrongTokensAreBoundedAndTheRightOneIsLetIn(t *testing.T) {
	r := newRig(t)
	seen := map[int]int{}
	for range 5 * mostTries {
		status, _, _ := r.do("GET", "/api/state", "", "Authorization", "Bearer wrong")
		seen[status]++
		status, _, _ = r.do("POST", "/api/session", `{"token":"wrong"}`, r.here()...)
		seen[status]++
	}
	// Two minutes at most have gone by.
	if let := seen[401] + seen[403]; let > 2*mostTries || let == 0 || seen[429] != 10*mostTries-let {
		t.Errorf("answers to wrong tokens: %v", seen)
	}
	if status, _, _ := r.do("GET", "/api/state", ""); status != 200 {
		t.Errorf("the right one: %d", status)
	}
}

func TestTheNamesOfThePageAreThoseWhereItListens(t *testing.T) {
	here := &net.TCPAddr{IP: net.IPv4(10, 0, 2, 15), Port: 8079}
	for _, c := range []struct {
		listen, host string
		want         bool
	}{
		{"127.0.0.1:8079", "127.0.0.1:8079", true},
		{"127.0.0.1:8079", "LOCALHOST:18079", true}, // it may be forwarded from another port
		{"127.0.0.1:8079", "[::1]:8079", true},
		{"127.0.0.1:8079", "10.0.2.15:8079", false},
		{"10.0.2.15:8079", "10.0.2.15", true},
		{"10.0.2.15:8079", "10.0.2.16", false},
		{"0.0.0.0:8079", "10.0.2.15:8079", true},
		{"0.0.0.0:8079", "10.0.2.16:8079", false},
		{"0.0.0.0:8079", "vm:8079", false},
		{"127.0.0.1:8079", "", false},
	} {
		request := &http.Request{Host: c.host}
		if no := wellAddressed(request, netip.MustParseAddrPort(c.listen), here); (no == nil) != c.want {
			t.Errorf("on %s, %s: %v", c.listen, c.host, no)
		}
	}
}

func TestEveryAnswerSaysWhatABrowserMayDo(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/", "/api/state", "/nothing", "/api/nothing", "/api/events"} {
		request := r.request("GET", path, "")
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		for name, want := range map[string]string{
			"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-",
		} {
			if got := response.Header.Get(name); !strings.Contains(got, want) || strings.Contains(got, "unsafe") {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestTheNumberOfActsIsBounded(t *testing.T) {
	r := newRig(t)
	release := make(chan struct{})
	r.agent.deploy = func(context.Context) ([]control.Outcome, error) { <-release; return nil, nil }
	done := make(chan int, mostActs)
	for range mostActs {
		go func() {
			status, _, _ := r.do("POST", "/api/acts/deploy", `{}`)
			done <- status
		}()
	}
	for range mostActs {
		<-r.agent.asked
	}
	if status, _, _ := r.do("POST", "/api/acts/deploy", `{}`); status != http.StatusTooManyRequests {
		t.Errorf("one more: %d", status)
	}
	close(release)
	for range mostActs {
		if status := <-done; status != 200 {
			t.Errorf("one of them: %d", status)
		}
	}
}
