package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
)

func TestStatusArrivesAsItWasGiven(t *testing.T) {
	want := Status{
		Version: "1.2.3", PID: 42, Since: time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC),
		Watching: "watches /host by poll: fuse", Degraded: "person: its folder is gone",
		Services: []deployer.Status{
			{Service: "web", State: "live", Generation: "web-3", Set: "3fa2", Address: "10.0.3.131:8080",
				Since: time.Date(2024, 3, 1, 12, 1, 0, 0, time.UTC), Standby: "web-4", Draining: []string{"web-2"}},
			{Service: "person", State: "none", Newest: deployer.Newest{State: deployer.Broken, Reason: "status 1\n\"quoted\""}},
		},
	}
	s := serve(t, fake{status: func() Status { return want }})
	got, err := client(t, s.path).Status(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestDeploy(t *testing.T) {
	live := Outcome{Service: "web", Generation: "web-3", Set: "3fa2", Took: 980 * time.Millisecond}
	for _, c := range []struct {
		name     string
		asked    []string
		outcomes []Outcome
		err      error
		want     string // the error's text
		input    bool   // whether it is the caller's mistake
	}{
		{"of one service", []string{"web"}, []Outcome{live}, nil, "", false},
		{"of all", nil, []Outcome{live, {Service: "person", Error: "prove: status 1"}}, nil, "", false},
		{"of none that there are", []string{}, nil, nil, "", false},
		{"of a service that is not known", []string{"wbe"}, nil, InputError{errors.New("no service is named \"wbe\"")},
			`no service is named "wbe"`, true},
		{"that the agent cannot do", []string{"web"}, nil, errors.New("the store is full"), "the store is full", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked []string
			s := serve(t, fake{deploy: func(_ context.Context, services []string) ([]Outcome, error) {
				asked = services
				return c.outcomes, c.err
			}})
			outcomes, err := client(t, s.path).Deploy(t.Context(), c.asked)
			if diff := cmp.Diff(c.asked, asked); diff != "" {
				t.Errorf("asked for: %s", diff)
			}
			if diff := cmp.Diff(c.outcomes, outcomes); diff != "" {
				t.Errorf("outcomes: %s", diff)
			}
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != c.want || isInput(err) != c.input {
				t.Errorf("error %q (input: %t), want %q (%t)", text, isInput(err), c.want, c.input)
			}
		})
	}
}

func isInput(err error) bool {
	var input InputError
	return errors.As(err, &input)
}

func TestRequestsThatAreWrong(t *testing.T) {
	s := serve(t, fake{
		status: func() Status { return Status{} },
		deploy: func(context.Context, []string) ([]Outcome, error) {
			t.Error("the agent was asked to deploy")
			return nil, nil
		},
	})
	deploy := func(body string) string {
		return fmt.Sprintf("POST /v1/deploy HTTP/1.1\r\nHost: jarloop\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	for _, c := range []struct {
		name, request string
		status        int
		want          string // of the answer's error; empty: it need not be JSON
	}{
		{"an unknown field", deploy(`{"services":["web"],"force":true}`), 400, `json: unknown field "force"`},
		{"a wrong type", deploy(`{"services":"web"}`), 400,
			"json: cannot unmarshal string into Go struct field DeployRequest.services of type []string"},
		{"no JSON", deploy(`web`), 400, "invalid character 'w' looking for beginning of value"},
		{"no body", deploy(``), 400, "EOF"},
		{"a body that is too large", deploy(`{"services":["` + strings.Repeat("x", mostRequest) + `"]}`), 400, "http: request body too large"},
		{"a body that claims to be a gibibyte", fmt.Sprintf(
			"POST /v1/deploy HTTP/1.1\r\nHost: jarloop\r\nContent-Length: %d\r\n\r\n{\"services\":[\"%s", 1<<30, strings.Repeat("x", mostRequest)),
			400, "http: request body too large"},
		{"a header that is too large", "GET /v1/status HTTP/1.1\r\nHost: jarloop\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431, ""},
		{"another path", "GET /v1/everything HTTP/1.1\r\nHost: jarloop\r\nConnection: close\r\n\r\n", 404, ""},
		{"another method", "GET /v1/deploy HTTP/1.1\r\nHost: jarloop\r\nConnection: close\r\n\r\n", 405, ""},
		{"no HTTP", "hello\r\n\r\n", 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := answer(t, dial(t, s.path, c.request))
			var f failure
			if c.want != "" {
				if err := json.Unmarshal(body, &f); err != nil {
					t.Errorf("%v: %s", err, body)
				}
			}
			if c.want != "" {
				c.want = notUnderstood + c.want
			}
			if status != c.status || f.Error != c.want {
				t.Errorf("answer %d %q, want %d %q", status, f.Error, c.status, c.want)
			}
		})
	}
}

// TestAGibibyteIsNotRead has a client that goes on writing whatever it is told.
func TestAGibibyteIsNotRead(t *testing.T) {
	s := serve(t, idle)
	conn := dial(t, s.path, fmt.Sprintf("POST /v1/deploy HTTP/1.1\r\nHost: jarloop\r\nContent-Length: %d\r\n\r\n{\"services\":[\"", 1<<30))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	piece, written := bytes.Repeat([]byte("x"), 64<<10), 0
	for written < 1<<30 {
		n, err := conn.Write(piece)
		written += n
		if err != nil {
			break // cut off, or the test's deadline: the next line tells
		}
	}
	runtime.ReadMemStats(&after)
	if written > 4*mostRequest {
		t.Errorf("%d MiB were taken", written>>20)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
		t.Errorf("%d MiB were allocated", used>>20)
	}
	if status, _ := answer(t, conn); status != http.StatusBadRequest && status != 0 {
		t.Errorf("it is answered with %d", status)
	}
	if _, err := client(t, s.path).Status(t.Context()); err != nil {
		t.Errorf("others are not answered any more: %v", err)
	}
}

func TestAnswersThatAreWrong(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"none", "", "ask the agent on pipe: EOF"},
		{"no HTTP", "hello\r\n\r\n", `ask the agent on pipe: net/http: HTTP/1.x transport connection broken: malformed HTTP response "hello"`},
		{"no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "ask the agent on pipe: invalid character 'h' looking for beginning of value"},
		{"half of it", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "ask the agent on pipe: unexpected EOF"},
		{"an error without words", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello", "the agent answered 404 Not Found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := make(pipes)
				go func() {
					conn := <-l
					defer conn.Close()
					_, _ = conn.Read(make([]byte, 4<<10))
					_, _ = io.WriteString(conn, c.answer)
				}()
				if _, err := l.client().Status(t.Context()); err == nil || err.Error() != c.want {
					t.Errorf("got  %v\nwant %s", err, c.want)
				}
			})
		})
	}
}

func TestRollback(t *testing.T) {
	want := Outcome{Service: "web", Generation: "web-4", Set: "3fa2", Took: time.Second}
	var asked RollbackRequest
	s := serve(t, fake{rollback: func(r RollbackRequest) (Outcome, error) {
		if asked = r; r.Set == "77" {
			return Outcome{}, InputError{fmt.Errorf("no set begins with %q", r.Set)}
		}
		return want, nil
	}})
	got, err := client(t, s.path).Rollback(t.Context(), RollbackRequest{Service: "web", Set: "3f"})
	if err != nil || got != want || asked != (RollbackRequest{Service: "web", Set: "3f"}) {
		t.Errorf("got %+v, %v for %+v", got, err, asked)
	}
	if _, err := client(t, s.path).Rollback(t.Context(), RollbackRequest{Service: "web", Set: "77"}); !isInput(err) || err.Error() != `no set begins with "77"` {
		t.Errorf("a set that is not there: %v", err)
	}
}

func TestPause(t *testing.T) {
	var asked []PauseRequest
	s := serve(t, fake{pause: func(r PauseRequest) error {
		asked = append(asked, r)
		if r.Service == "wbe" {
			return InputError{fmt.Errorf("no service is named %q", r.Service)}
		}
		return nil
	}})
	want := []PauseRequest{{"web", true}, {"web", false}, {"wbe", true}}
	for i, r := range want {
		if err := client(t, s.path).Pause(t.Context(), r); isInput(err) != (i == 2) || err != nil && i < 2 {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

func TestChangeData(t *testing.T) {
	var asked []DataRequest
	s := serve(t, fake{data: func(r DataRequest) error {
		asked = append(asked, r)
		if r.Import == "" {
			return InputError{errors.New("there are none")}
		}
		return nil
	}})
	want := []DataRequest{{"web", "/a.tar"}, {"web", ""}}
	for i, r := range want {
		if err := client(t, s.path).ChangeData(t.Context(), r); isInput(err) != (i == 1) || err != nil && i == 0 {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

func TestDivert(t *testing.T) {
	s := serve(t, fake{divert: func(r DivertRequest) (Diverted, error) {
		if r.To == "" {
			return Diverted{}, InputError{errors.New("no")}
		}
		return Diverted{To: r.To, Warning: r.Service + " does not answer"}, nil
	}})
	got, err := client(t, s.path).Divert(t.Context(), DivertRequest{"web", "10.0.2.2:8085"})
	if want := (Diverted{To: "10.0.2.2:8085", Warning: "web does not answer"}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := client(t, s.path).Divert(t.Context(), DivertRequest{Service: "web"}); !isInput(err) {
		t.Errorf("what cannot be: %v", err)
	}
}

func TestWhatIsAskedForRestartAndThePageIsHandedOn(t *testing.T) {
	var restarted RestartRequest
	var asked PageRequest
	s := serve(t, fake{
		restart: func(r RestartRequest) error { restarted = r; return InputError{errors.New("nothing of it is live")} },
		at: func(r PageRequest) (Page, error) {
			asked = r
			return Page{URL: "http://127.0.0.1:8079/#token=t", Token: "t"}, nil
		},
	})
	var input InputError
	if err := client(t, s.path).Restart(t.Context(), RestartRequest{Service: "web"}); !errors.As(err, &input) || restarted.Service != "web" {
		t.Errorf("of %+v: %v", restarted, err)
	}
	if at, err := client(t, s.path).Page(t.Context(), PageRequest{Renew: true}); err != nil || !asked.Renew || at.Token != "t" || at.URL != "http://127.0.0.1:8079/#token=t" {
		t.Errorf("asked %+v: %+v, %v", asked, at, err)
	}
}
