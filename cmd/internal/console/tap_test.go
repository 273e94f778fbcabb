package console

import (
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

func TestATapGetsAllThatIsToldAndNoLineOfAService(t *testing.T) {
	for _, form := range []form{forPrograms, forPerson, forJournal} {
		var got []string
		now := func() time.Time { return time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC) }
		c := newConsole(func([]entry) error { return nil }, form, false, []string{"web"}, now)
		c.Tap(func(event []byte) { got = append(got, strings.TrimSpace(string(event))) })
		c.Changed("web", "a\x1b[2J.jar (12 kB)")
		c.Event(deployer.Event{Kind: deployer.Deploying, Service: "web", Set: "abcd"})
		c.Line(deployer.Line{Service: "web", Generation: "web-1", Text: "hello", Offset: 6})
		c.Event(deployer.Event{Kind: deployer.Failed, Service: "web", Step: "prove", Reason: "why\n\u202e", Tail: []string{"\x1b[31mat\x07"}})
		c.Asked("the page, 127.0.0.1", "web", "deploy")
		c.Warn("web", "slow")
		c.Say("stopped")
		want := []string{
			`{"level":"info","service":"web","files":"a[2J.jar (12 kB)","message":"changed"}`,
			`{"level":"info","service":"web","set":"abcd","message":"deploying"}`,
			`{"level":"error","service":"web","step":"prove","reason":"why ","tail":["at\\x07"],"message":"failed"}`,
			`{"level":"info","service":"web","reason":"deploy","by":"the page, 127.0.0.1","message":"asked"}`,
			`{"level":"warn","service":"web","message":"slow"}`,
			`{"level":"info","message":"stopped"}`,
		}
		if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
			t.Errorf("form %d: got\n%s\nwant\n%s", form, a, b)
		}
	}
}
