package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
	"github.com/jarloop/jarloop/cmd/internal/page"
)

// browser asks the page of an agent, as a script does.
type browser struct {
	*system
	client *http.Client
	url    string // of the page
}

// do makes a request, and gives the status and the body.
func (b *browser) do(method, path, body string) (int, string) {
	b.t.Helper()
	response, err := b.client.Do(b.request(method, path, body))
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (b *browser) request(method, path, body string) *http.Request {
	b.t.Helper()
	token := strings.TrimSpace(b.does("page", "--token"))
	request, err := http.NewRequestWithContext(b.ctx, method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	return request
}

// answers says whether there is a page.
func (b *browser) answers() bool {
	response, err := b.client.Get(b.url)
	if err == nil {
		response.Body.Close()
	}
	return err == nil
}

// told is what a stream has told.
type told struct {
	at          time.Time
	event, data string
}

// stream opens a stream, whose events come by a channel until it ends.
func (b *browser) stream(path string) <-chan told {
	b.t.Helper()
	client := *b.client
	client.Timeout = 0
	response, err := client.Do(b.request(http.MethodGet, path, ""))
	if err != nil || response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %v, %v", path, response, err)
	}
	b.t.Cleanup(func() { response.Body.Close() })
	events := make(chan told, 100_000)
	go func() {
		defer close(events)
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 16<<20)
		event := ""
		for lines.Scan() {
			if name, found := strings.CutPrefix(lines.Text(), "event: "); found {
				event = name
			}
			if data, found := strings.CutPrefix(lines.Text(), "data: "); found {
				events <- told{time.Now(), event, data}
			}
		}
	}()
	return events
}

// await waits until a stream tells of something.
func (b *browser) await(what string, events <-chan told, is func(told) bool) told {
	b.t.Helper()
	deadline := time.After(90 * time.Second)
	for {
		select {
		case e, more := <-events:
			if !more {
				b.t.Fatalf("the stream has ended before: %s", what)
			}
			if is(e) {
				return e
			}
		case <-deadline:
			b.t.Fatalf("not told within 90 s: %s\n%s", what, b.agent.output())
		}
	}
}

// TestThePageShowsAndDoesWhatTheVerbsDo has the page of a real agent asked as a script
// does, while a service is replaced, and the page itself moved.
func TestThePageShowsAndDoesWhatTheVerbsDo(t *testing.T) {
	s := newLab(t, false)
	s.LXC = filepath.Join(s.Dir, "lxc") // what is kept for other tests stays
	configuration := s.small("", "exec = \"sh -c 'echo serving $(cat /page/index.html); exec httpd -f -p 8080 -h /page'\"\ndrain = \"3s\"")
	configuration = replace(t, configuration, map[string]string{"exec = \"httpd -f -p 8080 -h /page\"\n": ""})
	s.write(s.config, configuration)
	index := filepath.Join(s.Share, "volume-page", "index.html")
	if err := os.MkdirAll(filepath.Dir(index), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write(index, "first\n")
	s.run()
	first := s.agent.await(0, "live", "page")
	b := &browser{s, s.Local(false), "http://127.0.0.1:8079"}
	if out, code := s.verb("page"); code != 0 || !strings.HasPrefix(out, b.url+"/#token=") {
		t.Fatalf("jarloop page exits with %d: %s", code, out)
	}
	if strings.Contains(s.agent.output(), strings.TrimSpace(s.does("page", "--token"))) {
		t.Error("the token is in what programs read of the agent")
	}
	events, lines := b.stream("/api/events"), b.stream("/api/logs/stream")
	b.await("a snapshot", events, func(e told) bool { return e.event == "snapshot" && strings.Contains(e.data, first.Generation) })
	b.await("the lines that are there", lines, func(e told) bool { return e.event == "start" && strings.Contains(e.data, "serving first") })

	s.write(index, "second\n")
	b.await("the deploy under way", events, func(e told) bool {
		return e.event == "service" && strings.Contains(e.data, `"deploy":{"generation":"page-2"`)
	})
	live := b.await("the event", events, func(e told) bool { return e.event == "event" && strings.Contains(e.data, `"message":"live"`) })
	var event struct{ At time.Time }
	if err := json.Unmarshal([]byte(live.data), &event); err != nil || live.at.Sub(event.At) > 5*time.Second {
		t.Errorf("told %s after it happened, %v", live.at.Sub(event.At), err)
	}
	b.await("a line of the new one", lines, func(e told) bool { return e.event == "lines" && strings.Contains(e.data, "serving second") })
	var whole page.Whole
	if status, text := b.do(http.MethodGet, "/api/service/page", ""); status != http.StatusOK || json.Unmarshal([]byte(text), &whole) != nil {
		t.Fatalf("the service: %d %s", status, text)
	}
	if len(whole.Deploys) != 2 || len(whole.Deploys[0].Steps) < 4 || whole.Deploys[0].Previous != whole.Deploys[1].Set || len(whole.Sets) != 2 {
		t.Fatalf("its deploys are %+v", whole.Deploys)
	}
	if exists := whole.Service.Generations; len(exists) < 2 || whole.Service.Memory == 0 || whole.Service.Published[0].Port != 80 {
		t.Errorf("the service is %+v", whole.Service)
	}
	old, now := whole.Deploys[1].Set, whole.Deploys[0].Set
	if status, text := b.do(http.MethodGet, "/api/service/page/changes?from="+old+"&to="+now, ""); status != http.StatusOK ||
		!strings.Contains(text, `{"what":"changed","name":"index.html"}`) {
		t.Errorf("what differs: %d %s", status, text)
	}

	act := func(act, body, want string) {
		t.Helper()
		if status, text := b.do(http.MethodPost, "/api/acts/"+act, body); status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", act, status, text)
		}
		b.await("who asked for "+act, events, func(e told) bool {
			return e.event == "event" && strings.Contains(e.data, `"reason":"`+act+`","by":"the page, 127.0.0.1"`)
		})
	}
	serves := func(want string) {
		t.Helper()
		s.agent.eventually("it serves "+want, func() bool {
			response, err := s.Client(false).Get("http://" + lab.Address + "/")
			if err != nil {
				return false
			}
			defer response.Body.Close()
			text, _ := io.ReadAll(response.Body)
			return string(text) == want+"\n"
		})
	}
	act("deploy", `{"services":["page"]}`, `"generation":"page-`)
	act("rollback", `{"service":"page","set":"`+old[:8]+`"}`, `"set":"`+old)
	serves("first")
	act("deploy", `{}`, now)
	serves("second")
	generation := s.live()["page"]
	act("restart", `{"service":"page"}`, `{}`)
	serves("second")
	if got := s.live()["page"]; got != generation {
		t.Errorf("after a restart %s is live, and %s was", got, generation)
	}
	act("divert", `{"service":"page","to":"10.0.4.1:8085"}`, `"to":"10.0.4.1:8085"`)
	b.await("where it leads", events, func(e told) bool {
		return e.event == "service" && strings.Contains(e.data, `"diverted":"10.0.4.1:8085"`)
	})
	act("divert", `{"service":"page","to":""}`, `{`)
	serves("second")
	act("pause", `{"service":"page"}`, `{}`)
	b.await("that it is paused", events, func(e told) bool { return e.event == "service" && strings.Contains(e.data, `"state":"paused"`) })
	act("resume", `{"service":"page"}`, `{}`)
	if status, text := b.do(http.MethodPost, "/api/acts/rollback", `{"service":"page","set":"ffffffffff"}`); status != http.StatusBadRequest {
		t.Errorf("a set that there is not: %d %s", status, text)
	}
	b.moves(configuration, events)
}

// moves has the page listen elsewhere while the agent runs.
func (b *browser) moves(configuration string, events <-chan told) {
	b.t.Helper()
	elsewhere := &browser{b.system, b.Client(false), "http://" + lab.Address + ":8079"}
	if elsewhere.answers() {
		b.t.Error("the laptop reaches a page that is for the VM alone")
	}
	from := b.agent.now()
	b.write(b.config, configuration+"\n[page]\nlisten = \""+lab.Address+":8079\"\n")
	b.await("that the page moves", events, func(e told) bool { return e.event == "bye" })
	b.agent.eventually("it is said loudly", func() bool {
		return len(b.agent.said(from, func(l logLine) bool {
			return l.Level == "warn" && strings.Contains(l.Message, "whoever has its token can do what root can")
		})) > 0
	})
	if status, text := elsewhere.do(http.MethodGet, "/api/state", ""); status != http.StatusOK || !strings.Contains(text, `"service":"page"`) {
		b.t.Errorf("from the laptop: %d %s", status, text)
	}
	if b.answers() {
		b.t.Error("the page is where it was, too")
	}

	// What else listens there is in the way of the page, and of nothing else.
	other := b.VM(b.ctx, "python3", "-c", "import socket,time; s=socket.create_server((\"127.0.0.1\", 8081)); print(1, flush=True); time.sleep(300)")
	ready, err := other.StdoutPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	}()
	if _, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		b.t.Fatal(err)
	}
	from = b.agent.now()
	b.write(b.config, configuration+"\n[page]\nlisten = \"127.0.0.1:8081\"\n")
	b.agent.eventually("it is said what is in the way", func() bool {
		return len(b.agent.said(from, func(l logLine) bool {
			return l.Level == "warn" && strings.Contains(l.Message, "something else listens on 127.0.0.1:8081")
		})) > 0
	})
	if state := b.status().Services[0].State; state != "live" {
		b.t.Errorf("the service is %s", state)
	}
	if err := other.Process.Kill(); err != nil {
		b.t.Fatal(err)
	}
	moved := &browser{b.system, b.client, "http://127.0.0.1:8081"}
	b.agent.eventually("the page comes when nothing is in the way", moved.answers)
	b.write(b.config, configuration+"\n[page]\nlisten = \"off\"\n")
	b.agent.eventually("there is no page", func() bool {
		return !moved.answers()
	})
	if out, code := b.verb("page"); code != 1 || !strings.Contains(out, `page.listen is "off"`) {
		b.t.Errorf("jarloop page exits with %d: %s", code, out)
	}
}
