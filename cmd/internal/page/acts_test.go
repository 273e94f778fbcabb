package page

import (
	"net/http"
	"testing"
)

func TestActsAreWhatVerbsDoAndSayWhoAsked(t *testing.T) {
	r := newRig(t)
	in := r.signedIn()
	for _, c := range []struct {
		act, body, asked, said string
		status                 int
		want                   string
	}{
		{"deploy", `{"services":["frontend"]}`, "deploy [frontend]", "asked: deploy of frontend by the page, 127.0.0.1", 200,
			`{"outcomes":[{"service":"frontend","generation":"frontend-2","took_ns":0,"error":"it broke"}]}`},
		{"deploy", `{}`, "deploy []", "asked: deploy of  by the page, 127.0.0.1", 200,
			`{"outcomes":[{"service":"frontend","generation":"frontend-2","took_ns":0,"error":"it broke"}]}`},
		{"rollback", `{"service":"frontend","set":"ab"}`, "rollback frontend ab", "asked: rollback of frontend by", 200,
			`{"outcomes":[{"service":"frontend","set":"abcd","took_ns":0}]}`},
		{"rollback", `{"service":"frontend","set":"none"}`, "rollback frontend none", "asked: rollback", 400, `{"error":"no set begins so"}`},
		{"pause", `{"service":"frontend"}`, "pause frontend true", "asked: pause", 200, `{}`},
		{"resume", `{"service":"frontend"}`, "pause frontend false", "asked: resume", 200, `{}`},
		{"divert", `{"service":"frontend","to":"10.0.2.2:1"}`, "divert frontend 10.0.2.2:1", "asked: divert", 200, `{"to":"10.0.2.2:1","warning":"nothing there"}`},
		{"divert", `{"service":"frontend","to":""}`, "divert frontend ", "asked: divert", 200, `{"to":"","warning":"nothing there"}`},
		{"restart", `{"service":"frontend"}`, "restart frontend", "asked: restart", 500, `{"error":"it does not start"}`},
	} {
		status, _, text := r.do(http.MethodPost, "/api/acts/"+c.act, c.body, in...)
		if status != c.status || text != c.want {
			t.Errorf("%s %s: %d %s, want %d %s", c.act, c.body, status, text, c.status, c.want)
		}
		select {
		case asked := <-r.agent.asked:
			if asked != c.asked {
				t.Errorf("%s %s: the agent was asked %q, want %q", c.act, c.body, asked, c.asked)
			}
		default:
			t.Errorf("%s %s: the agent was not asked", c.act, c.body)
		}
		if !r.says(c.said) {
			t.Errorf("%s %s: it is not said who asked: %q", c.act, c.body, c.said)
		}
	}
}
