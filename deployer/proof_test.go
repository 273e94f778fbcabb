package deployer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// Below 400 is well, but for what leads elsewhere.
func TestWhichStatusIsWell(t *testing.T) {
	for status, want := range map[int]string{
		200: "", 204: "", 299: "",
		301: "301 Moved Permanently: redirects to", 304: "304 Not Modified: redirects to",
		400: "400 Bad Request", 404: "404 Not Found", 500: "500 Internal Server Error", 503: "503 Service Unavailable",
	} {
		bubble(t, fmt.Sprint(status), func(t *testing.T) {
			a := running(t, withHealth("/health"), func(o *deployer.Options) { o.Services[0].Health.Timeout = time.Second })
			a.put(set("a", "a-2", "serve", fmt.Sprintf("answer %d", status)))
			if want == "" {
				a.isLive("a", "a-2", "a-2")
				return
			}
			pass(time.Second)
			if e := a.lastOf(deployer.Failed, "a"); !strings.Contains(e.Reason, "not healthy within 1s: GET /health: "+want) {
				t.Errorf("told %q, want %q", e.Reason, want)
			}
			a.isLive("a", "a-1", "a-1")
		})
	}
}

// A port that accepts connections is enough where no path is given.
func TestAPortAloneIsWell(t *testing.T) {
	bubble(t, "though nobody says anything there", func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "serve", "silent"))
		a.isLive("a", "a-2", "a-2")
	})
	bubble(t, "which is said when it goes live for the first time", func(t *testing.T) {
		a := newWorld().start(t, abc, func(o *deployer.Options) { o.Services[1].Health.Path = "/health" })
		a.put(set("a", "a-1"))
		a.put(set("b", "b-1"))
		for service, want := range map[string]string{"a": opensOnly, "b": ""} {
			if e := a.lastOf(deployer.WentLive, service); e.Reason != want {
				t.Errorf("told %+v, want %q", e, want)
			}
		}
		a.put(set("a", "a-2"))
		if e := a.lastOf(deployer.WentLive, "a"); e.Set != "a-2" || e.Reason != "" {
			t.Errorf("told %+v", e)
		}
	})
	bubble(t, "and no other port", func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "serve 9999"))
		pass(time.Minute)
		if e := a.lastOf(deployer.Failed, "a"); e.Step != "prove" || !strings.Contains(e.Reason, "not healthy within 1m0s: connection refused") {
			t.Errorf("told %+v", e)
		}
	})
	bubble(t, "as long as the process lives", func(t *testing.T) {
		a := running(t, abc)
		a.put(set("a", "a-2", "serve", "exit 3"))
		if e := a.lastOf(deployer.Failed, "a"); e.Step != "prove" || !strings.Contains(e.Reason, "exited with status 3") {
			t.Errorf("told %+v", e)
		}
	})
}

// Whatever a candidate does with a question, the deploy does not wait for the
// answer when it is given up.
func TestAQuestionUnderWayHoldsUpNobody(t *testing.T) {
	for name, end := range map[string]func(a *agent){
		"newer artefacts come": func(a *agent) { a.put(set("a", "a-3")) },
		"the process ends":     func(a *agent) { a.world.dies("a-2") },
		"the agent ends":       func(a *agent) { _ = a.stop() },
	} {
		bubble(t, name, func(t *testing.T) {
			a := running(t, withHealth("/health"))
			a.put(set("a", "a-2", "serve", "silent"))
			pass(10*time.Second + 500*time.Millisecond) // it has been asked for half a second
			began := time.Now()
			end(a)
			a.eventually("its end", func() bool { return a.instance("a-2").unit == nil })
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Errorf("it took %s", took)
			}
		})
	}
}
