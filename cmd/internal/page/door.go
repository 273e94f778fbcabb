package page

import (
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// door says who comes in. Three things keep others out:
//
// The host that a request names has to be an address of this machine, or localhost: a
// name that somebody else has made lead here (DNS rebinding) is none.
//
// A browser says which page a request comes from: Sec-Fetch-Site and Origin. Another
// page may lead to this one, and do nothing else; another port is another page.
//
// What is asked for wants the token. A browser is given a cookie for it, and a key that
// the page keeps by itself: cookies of 127.0.0.1 go to every port there, and so to the
// services too.
type door struct {
	now   atomic.Pointer[secrets]
	tries atomic.Int64 // wrong ones, below the minute that they are counted in
}

// secrets are what the token lets in.
type secrets struct{ token, cookie, key, name string }

// cookieLasts is how long a browser stays signed in.
const cookieLasts = 30 * 24 * time.Hour

// mostTries is how many wrong tokens are answered in a minute; no right one is refused
// for them.
const mostTries = 10

func newDoor(t token) *door {
	d := &door{}
	d.admit(t)
	return d
}

// admit lets in who has the token, and nobody who had an earlier one.
func (d *door) admit(t token) {
	d.now.Store(&secrets{token: string(t), cookie: t.derived("cookie"), key: t.derived("key"), name: t.cookieName()})
}

// refusal is why somebody does not come in.
type refusal struct {
	status int
	text   string
}

// wellAddressed says whether a request is for a page of this machine. at is where it
// was accepted, and listen where the page listens.
func wellAddressed(r *http.Request, listen netip.AddrPort, at net.Addr) *refusal {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return nil
	}
	addr, err := netip.ParseAddr(host)
	if err == nil && (addr == netip.MustParseAddr("127.0.0.1") || addr == netip.IPv6Loopback() || addr == listen.Addr()) {
		return nil
	}
	if local, ok := at.(*net.TCPAddr); ok && err == nil && listen.Addr().IsUnspecified() && local.AddrPort().Addr().Unmap() == addr.Unmap() {
		return nil // it came in by that address
	}
	return &refusal{http.StatusForbidden, "the page is not called so: open it by 127.0.0.1, localhost or the address that it listens on"}
}

// fromHere says whether a request comes from the page itself, from a person who opens
// it, or from a program that is no browser.
func fromHere(r *http.Request) *refusal {
	site := r.Header.Get("Sec-Fetch-Site")
	api := strings.HasPrefix(r.URL.Path, "/api/")
	opens := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && r.Method == http.MethodGet
	switch {
	case site == "", site == "same-origin":
	case site == "none" && !api:
	case opens && !api: // a link leads here, from wherever
	default:
		return &refusal{http.StatusForbidden, "another page asks for this"}
	}
	if origins, there := r.Header["Origin"]; there && (len(origins) != 1 || !strings.EqualFold(origins[0], "http://"+r.Host)) {
		return &refusal{http.StatusForbidden, "another page asks for this"}
	}
	if r.Header.Get("Upgrade") != "" {
		return &refusal{http.StatusBadRequest, "there is nothing to upgrade to"}
	}
	return nil
}

// wellFormed says whether what changes something comes as JSON, which no form of
// another page can send.
func wellFormed(r *http.Request) *refusal {
	if r.Method != http.MethodPost {
		return nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return &refusal{http.StatusUnsupportedMediaType, "send JSON, with Content-Type: application/json"}
	}
	return nil
}

// signedIn says whether a request may do what root can. stream says that one asks
// whose key may stand in the address: EventSource sends no header.
func (d *door) signedIn(r *http.Request, stream bool) *refusal {
	now := d.now.Load()
	if header := r.Header.Get("Authorization"); header != "" {
		given, bearer := strings.CutPrefix(header, "Bearer ")
		if bearer && same(given, now.token) {
			return nil
		}
		return d.wrong("the token is wrong: jarloop page prints the right one", http.StatusUnauthorized)
	}
	// A browser says where each request comes from that changes something.
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get("Origin") == "" {
		return &refusal{http.StatusForbidden, "it is not said which page asks for this"}
	}
	cookie, err := r.Cookie(now.name)
	key := r.Header.Get("X-Jarloop-Key")
	if stream && key == "" {
		key = r.URL.Query().Get("key")
	}
	if err != nil && key == "" {
		return &refusal{http.StatusUnauthorized, "sign in: jarloop page prints the address to open"}
	}
	if err == nil && same(cookie.Value, now.cookie) && same(key, now.key) {
		return nil
	}
	return &refusal{http.StatusUnauthorized, "signed out: jarloop page prints the address to open"}
}

// wrong refuses a wrong token; after many, in other words.
func (d *door) wrong(text string, status int) *refusal {
	minute := time.Now().Unix() / 60
	for {
		was := d.tries.Load()
		next := minute<<16 | 1
		if was>>16 == minute {
			next = was + 1
		}
		if next&0xffff > mostTries {
			return &refusal{http.StatusTooManyRequests, "too many wrong tokens: wait a minute"}
		}
		if d.tries.CompareAndSwap(was, next) {
			return &refusal{status, text}
		}
	}
}

// same compares without telling by its time how much is right.
func same(given, want string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
}
