package console

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

// prints gives what a generation prints, lines on its output.
func prints(generation string, texts ...string) func(*Console) {
	return func(c *Console) {
		for _, text := range texts {
			c.Line(deployer.Line{Service: "web", Generation: generation, Text: text})
		}
	}
}

func fails(kind deployer.Kind, generation string, tail ...string) func(*Console) {
	return func(c *Console) {
		c.Event(deployer.Event{Kind: kind, Service: "web", Generation: generation, Set: set, Reason: "status 1", Tail: tail})
	}
}

func numbered(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("line %d", i))
	}
	return all
}

const failed = "12:00:00 web      FAILED   3fa2c1d0  status 1  (nothing serves)\n"

func TestAPersonReadsTheLastLinesOfAFailureOnce(t *testing.T) {
	out := func(texts ...string) string {
		var all strings.Builder
		for _, text := range texts {
			all.WriteString("         web      │ " + text + "\n")
		}
		return all.String()
	}
	for _, c := range []struct {
		name string
		told []func(*Console)
		want string
	}{
		{"shown as they came, and not again", []func(*Console){prints("web-2", "booting", "oh no", "at main"), fails(deployer.Failed, "web-2", "oh no", "at main")},
			out("booting", "oh no", "at main") + failed},
		{"and so for a live one that died", []func(*Console){prints("web-2", "oh no"), fails(deployer.Died, "web-2", "oh no")},
			out("oh no") + "12:00:00 web      DIED     web-2: status 1\n"},
		{"those of another generation do not count", []func(*Console){prints("web-1", "oh no"), fails(deployer.Failed, "web-2", "oh no")},
			out("oh no") + failed + out("oh no")},
		{"those in a file do not count", []func(*Console){func(c *Console) {
			c.Line(deployer.Line{Service: "web", Generation: "web-2", File: "a.log", Text: "oh no"})
		}, fails(deployer.Failed, "web-2", "oh no")}, out("a.log: oh no") + failed + out("oh no")},
		{"one that is missing brings them all", []func(*Console){prints("web-2", "oh no"), fails(deployer.Failed, "web-2", "oh no", "at main")},
			out("oh no") + failed + out("oh no", "at main")},
		{"each failure has its own", []func(*Console){prints("web-2", "oh no"), fails(deployer.Failed, "web-2", "oh no"), fails(deployer.Failed, "web-2", "oh no")},
			out("oh no") + failed + failed + out("oh no")},
		{"as many as are remembered", []func(*Console){prints("web-2", numbered(mostSeen+5)...), fails(deployer.Failed, "web-2", numbered(mostSeen + 5)[5:]...)},
			out(numbered(mostSeen+5)...) + failed},
		{"of more than are remembered the last ones", []func(*Console){prints("web-2", numbered(mostSeen+5)...), fails(deployer.Died, "web-2", numbered(mostSeen+5)...)},
			out(numbered(mostSeen+5)...) + "12:00:00 web      DIED     web-2: status 1\n"},
		{"no lines at all", []func(*Console){fails(deployer.Failed, "web-2")}, failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shown(plainReader, nil, func(console *Console) {
				for _, tell := range c.told {
					tell(console)
				}
			})
			if got != c.want {
				t.Errorf("got:\n%swant:\n%s", got, c.want)
			}
		})
	}
}

func TestWhatAProgramReadsIsNotShortened(t *testing.T) {
	got := shown(program, nil, func(c *Console) {
		prints("web-2", "oh no")(c)
		fails(deployer.Failed, "web-2", "oh no")(c)
	})
	want := lines(`
{"service":"web","generation":"web-2","time":"2024-03-01T12:00:00Z","message":"oh no"}
{"level":"error","service":"web","generation":"web-2","set":"3fa2c1d0e5b49687","reason":"status 1","tail":["oh no"],"time":"2024-03-01T12:00:00Z","message":"failed"}
`)
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestARetiredGenerationIsForgotten(t *testing.T) {
	var c *Console
	shown(plainReader, nil, func(console *Console) {
		c = console
		prints("web-1", slices.Repeat([]string{"x"}, 3*mostSeen)...)(c)
		if n := len(c.seen["web-1"]); n != mostSeen {
			t.Errorf("%d lines are remembered, want %d", n, mostSeen)
		}
		c.Event(deployer.Event{Kind: deployer.Retired, Service: "web", Generation: "web-1"})
	})
	if len(c.seen) != 0 {
		t.Errorf("remembered are %v", c.seen)
	}
}
