package console

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// kinds are the lines of the test below.
var kinds = regexp.MustCompile(`(event |request )(\d+)|(\d+) lines were not shown; jarloop logs web has them|quiet`)

// A terminal that Ctrl-S has stopped, or whoever has the other end of a pipe and
// hangs, does not hold up deploys. What services print in a flood is left out and
// counted, and what the agent says is not.
func TestAFloodIsLeftOutAndNoEventIs(t *testing.T) {
	for name, r := range map[string]reader{"a person": plainReader, "a program": program} {
		t.Run(name, func(t *testing.T) {
			theirs, ours, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
			defer ours.Close()
			c := r.console(ours, []string{"web", "person"}, time.Now)
			wait := c.Detach()
			const all, every = 100_000, 100
			for i := range all {
				c.Line(deployer.Line{Service: "web", Generation: "web-1", Text: fmt.Sprintf("request %d", i)})
				if i%every == 0 {
					c.Warn("person", fmt.Sprintf("event %d of person", i/every))
				}
			}
			c.Line(deployer.Line{Service: "person", Generation: "person-1", Text: "quiet"})
			if err := theirs.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			events, shown, left, quiet := 0, 0, 0, false
			for lines := bufio.NewScanner(theirs); (events < all/every || !quiet || shown+left < all) && lines.Scan(); {
				is := kinds.FindStringSubmatch(lines.Text())
				n, _ := strconv.Atoi(strings.Join(is[2:], ""))
				switch {
				case is[1] == "event ":
					if n != events {
						t.Fatalf("event %d comes in the place of %d", n, events)
					}
					events++
				case is[1] == "request ":
					if n != shown+left {
						t.Fatalf("request %d comes after %d that were shown and %d that were not", n, shown, left)
					}
					shown++
				case is[0] == "quiet":
					quiet = true
				default:
					left += n
				}
			}
			if shown+left != all || events != all/every || !quiet || left == 0 {
				t.Errorf("%d lines are shown and %d counted of %d, %d events of %d; the quiet service's line: %v", shown, left, all, events, all/every, quiet)
			}
			c.Say("the last word")
			wait()
		})
	}
}

func TestNobodyReadsTheLastWord(t *testing.T) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	defer ours.Close()
	c := program.console(ours, nil, time.Now)
	wait := c.Detach()
	c.Say(strings.Repeat("x", 200<<10)) // more than a pipe holds
	began := time.Now()
	if wait(); time.Since(began) > 10*lastWords {
		t.Errorf("it is waited for %v", time.Since(began))
	}
}
