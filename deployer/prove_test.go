package deployer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func withHealth(path string) func(*deployer.Options) {
	return func(o *deployer.Options) {
		abc(o)
		o.Services[0].HealthPath = path
	}
}

func TestHealthIsWaitedForUntilItsTimeIsOver(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []string
		want   string // the error
	}{
		{"at once", []string{"serve"}, ""},
		{"just before", []string{"serve", "answer 500 until 59980ms"}, ""},
		{"just after", []string{"serve", "answer 500 until 60020ms"}, "not healthy within 1m0s: GET /health: 500 Internal Server Error"},
		{"never", []string{"serve", "answer 503"}, "not healthy within 1m0s: GET /health: 503 Service Unavailable"},
		{"one that takes the question and says nothing", []string{"serve", "silent"}, "not healthy within 1m0s: Get"},
		{"one that ends while it answers", []string{"serve", "fatal"}, "the process exited with status 1"},
		{"one that listens late", []string{"serve after 30s"}, ""},
		{"one that never listens", []string{"print nothing"}, "not healthy within 1m0s: Get"},
	} {
		bubble(t, c.name, func(t *testing.T) {
			a := running(t, withHealth("/health"))
			began := time.Now()
			a.see(set("a", "a-2", c.script...))
			a.eventually("an end", func() bool { return a.status("a").Last.Set == "a-2" })
			if took := time.Since(began); took > time.Minute+time.Second {
				t.Errorf("it took %s", took)
			}
			if c.want == "" {
				a.isLive("a", "a-2", "a-2")
				return
			}
			a.isLive("a", "a-1", "a-1")
			if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, c.want) || e.Step != "prove" {
				t.Errorf("told %+v, want %q", e, c.want)
			}
		})
	}
}

func TestWhatAnswersThatItIsWell(t *testing.T) {
	for path, want := range map[string]string{
		"":           "",
		"/well":      "",
		"/elsewhere": `GET /elsewhere: 302 Found: redirects to "/well"`,
		"/huge":      "GET /huge: the answer is longer than 1048576 bytes",
		"/endless":   "context deadline exceeded",
		"/half":      "GET /half: unexpected EOF",
		"/headers":   "server response headers exceeded",
		"/mail":      "malformed HTTP",
	} {
		bubble(t, "of "+path, func(t *testing.T) {
			a := newWorld().start(t, withHealth(path), func(o *deployer.Options) { o.Services[0].HealthTimeout = 2500 * time.Millisecond })
			a.see(set("a", "a-1"))
			pass(20 * time.Second)
			if want == "" {
				a.isLive("a", "a-1", "a-1")
				return
			}
			if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, want) {
				t.Errorf("told %q, want %q", e.Reason, want)
			}
		})
	}
}
