package console

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A terminal that Ctrl-S has stopped, or whoever has the other end of a pipe and
// hangs, does not hold up deploys.
func TestWhoDoesNotReadHoldsUpNobody(t *testing.T) {
	for name, r := range map[string]reader{"a person": plainReader, "a program": program} {
		t.Run(name, func(t *testing.T) {
			theirs, ours, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
			defer ours.Close()
			c := newConsole(ours, r.person, r.colour, nil, time.Now)
			wait := c.Detach()
			const all = 3 * mostWaiting / 100
			told := make(chan struct{})
			go func() {
				defer close(told)
				for i := range all {
					c.Say(fmt.Sprintf("line %d %s", i, strings.Repeat("x", 100)))
				}
			}()
			select {
			case <-told:
			case <-time.After(20 * time.Second):
				t.Fatal("who tells something waits for who reads it")
			}
			lines, last := bufio.NewScanner(theirs), ""
			read := 0
			for lines.Scan() {
				last = lines.Text()
				if strings.Contains(last, "were not shown") {
					break
				}
				if !strings.Contains(last, fmt.Sprintf("line %d ", read)) {
					t.Fatalf("line %d is %q", read, last)
				}
				read++
			}
			if want := fmt.Sprintf("%d lines were not shown", all-read); !strings.Contains(last, want) {
				t.Errorf("%d of %d lines are read, and the last is %q", read, all, last)
			}
			c.Say("the last word")
			wait()
			if lines.Scan(); !strings.Contains(lines.Text(), "the last word") {
				t.Errorf("at the end: %q", lines.Text())
			}
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
	c := newConsole(ours, false, false, nil, time.Now)
	wait := c.Detach()
	c.Say(strings.Repeat("x", 200<<10)) // more than a pipe holds
	began := time.Now()
	if wait(); time.Since(began) > 10*lastWords {
		t.Errorf("it is waited for %v", time.Since(began))
	}
}
