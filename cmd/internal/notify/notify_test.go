package notify

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
)

var nasty = Event{
	Event: "failed", Service: "person", Generation: "person-7", Reason: "$(touch /tmp/x) `id` \x1b[2J \"\n", Tail: []string{"'; exit 3 #"},
}

type warnings struct {
	mu   sync.Mutex
	said []string
}

func (h *warnings) tell(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, text)
}

func (h *warnings) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.said)
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// running runs a notifier until the test ends.
func running(t *testing.T, o Options) (*Notifier, *warnings) {
	h := &warnings{}
	n := New(o, h.tell)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return n, h
}

func TestACommandGetsTheEvent(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	n, h := running(t, Options{
		Command: []string{"/bin/sh", "-c", `{ env | grep ^JARLOOP_ | sort; cat; } >"$0".new && mv "$0".new "$0"`, out},
		Events:  []string{"failed"}, Timeout: time.Minute,
	})
	n.Tell(Event{Event: "live", Service: "person"})
	n.Tell(nasty)
	eventually(t, "the command has run", func() bool { _, err := os.Stat(out); return err == nil })
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	want := []string{"JARLOOP_ADDRESS=", "JARLOOP_EVENT=failed", "JARLOOP_GENERATION=person-7", "JARLOOP_SERVICE=person", "JARLOOP_SET="}
	if len(lines) != 6 || !slices.Equal(lines[:5], want) {
		t.Fatalf("the command got\n%s", text)
	}
	var got Event
	if err := json.Unmarshal([]byte(lines[5]), &got); err != nil || got.Reason != nasty.Reason || got.Tail[0] != nasty.Tail[0] {
		t.Errorf("%+v, %v", got, err)
	}
	if said := h.all(); len(said) > 0 {
		t.Errorf("it warned: %v", said)
	}
}

func TestAWebhookGetsTheEvent(t *testing.T) {
	bodies := make(chan string, 10)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		if asked.Add(1) > 1 {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer server.Close()
	n, h := running(t, Options{Webhook: server.URL, Events: config.Events, Timeout: time.Minute})
	e := Of(deployer.Event{Kind: deployer.WentLive, Service: "web", Generation: "web-3", Took: 1500 * time.Millisecond, Steps: []deployer.Step{{Name: "prove", Took: time.Second}}})
	e.Time = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	n.Tell(e)
	want := `POST application/json {"event":"live","time":"2026-01-02T03:04:05Z","service":"web","generation":"web-3","took_ms":1500,"steps":[{"name":"prove","took_ms":1000}]}` + "\n"
	if got := <-bodies; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	n.Tell(e)
	n.Tell(e)
	<-bodies
	<-bodies
	n.Tell(e)
	<-bodies // the previous one has been sent by now
	if said := h.all(); len(said) != 1 || !strings.Contains(said[0], "418") {
		t.Errorf("it warned: %q", said)
	}
}

func TestTellDoesNotWaitForTheCommand(t *testing.T) {
	n, h := running(t, Options{Command: []string{"sleep", "1000"}, Events: config.Events, Timeout: time.Hour})
	for range 3 * waiting { // returns, or the test never ends
		n.Tell(nasty)
	}
	if said := h.all(); len(said) != 1 || !strings.Contains(said[0], "dropped") {
		t.Errorf("it warned: %q", said)
	}
}

func TestACommandIsKilledWithItsGroup(t *testing.T) {
	var pids warnings
	err := Run(t.Context(), []string{"/bin/sh", "-c", "sleep 1000 & echo $!; wait"}, 300*time.Millisecond, nasty, pids.tell)
	if err == nil || !strings.Contains(err.Error(), "not done within 300ms") {
		t.Errorf("it ended with %v", err)
	}
	pid, err := strconv.Atoi(strings.Join(pids.all(), ""))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "its child is gone", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ")
	})
}

func TestWhatACommandPrintsComesInLines(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   []string
		err    bool
	}{
		"lines of both streams":               {"echo a; echo b >&2; printf c", []string{"a", "b", "c"}, false},
		"a line without an end":               {"head -c 20000 /dev/zero | tr '\\0' x", []string{strings.Repeat("x", longest)}, false},
		"a failure":                           {"echo no; exit 3", []string{"no"}, true},
		"nothing is read of what it is given": {"exec <&-; echo a", []string{"a"}, false},
		"something is left running":           {"sleep 5 & echo a", []string{"a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var h warnings
			err := Run(t.Context(), []string{"/bin/sh", "-c", c.script}, time.Minute, nasty, h.tell)
			if (err != nil) != c.err {
				t.Errorf("it ended with %v", err)
			}
			got := h.all()
			if len(got) < len(c.want) || !slices.Equal(got[:len(c.want)], c.want) {
				t.Errorf("printed %q, want %q", got, c.want)
			}
		})
	}
}

func TestEveryEventCanBeAskedFor(t *testing.T) {
	for _, kind := range []deployer.Kind{
		deployer.Deploying, deployer.Waiting, deployer.WentLive, deployer.Failed, deployer.Unchanged, deployer.Died,
		deployer.Back, deployer.Restarted, deployer.Retired, deployer.Adopted, deployer.Repaired, deployer.Warning, Refused,
	} {
		if !slices.Contains(config.Events, string(kind)) {
			t.Errorf("%s is no event of the configuration", kind)
		}
	}
}
