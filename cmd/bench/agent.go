package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// agent is a jarloop that runs on the lab's VM.
type agent struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan struct{} // closed when its output has ended

	mu    sync.Mutex
	lines []line
	more  chan struct{} // closed and made anew with each line
	// troubles is how often services have printed what tells of trouble.
	troubles map[string]int
}

// line is one line of the agent's output, which is JSON.
type line struct {
	At   time.Time `json:"-"` // when it was read
	Text string    `json:"-"`

	Level      string  `json:"level"`
	Message    string  `json:"message"`
	Service    string  `json:"service"`
	Generation string  `json:"generation"`
	Reason     string  `json:"reason"`
	Took       float64 `json:"took_ms"`
	Steps      steps   `json:"steps_ms"`
}

// step is one step of a deploy.
type step struct {
	Name string  `json:"name"`
	Took float64 `json:"ms"`
}

// steps are in the order in which they were made.
type steps []step

// UnmarshalJSON keeps the order of an object's members.
func (s *steps) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		one := step{Name: fmt.Sprint(name)}
		if err := d.Decode(&one.Took); err != nil {
			return err
		}
		*s = append(*s, one)
	}
	return nil
}

// startAgent starts the program on the VM. The caller stops it.
func startAgent(l *lab.Lab, program, config string) (*agent, error) {
	a := &agent{done: make(chan struct{}), more: make(chan struct{}), troubles: map[string]int{}}
	// Stopped by stop alone, which lets it end in its own way.
	a.cmd = l.VM(context.Background(), program, "run", "--config", config)
	// Not to be hit by Ctrl-C before the bench has come to its end.
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	a.cmd.Stderr = &a.stderr
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	go a.read(out) // stop waits for it
	return a, nil
}

func (a *agent) read(out io.Reader) {
	defer close(a.done)
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		l := line{At: time.Now(), Text: scanner.Text()}
		if json.Unmarshal(scanner.Bytes(), &l) != nil {
			continue
		}
		a.mu.Lock()
		if l.Level == "" { // a service has printed it
			if trouble.MatchString(l.Message) {
				a.troubles[l.Service+": "+inGeneral(l.Message)]++
			}
			a.mu.Unlock()
			continue
		}
		a.lines = append(a.lines, l)
		close(a.more)
		a.more = make(chan struct{})
		a.mu.Unlock()
	}
}

// trouble is what nginx and JVMs print when something is wrong.
var trouble = regexp.MustCompile(`\[(error|crit|alert|emerg)\]|Exception|not delivered`)

// particular is what differs between failures of one kind, in answers and in
// what nginx prints.
var particular = regexp.MustCompile(`^\d{4}/\d\d/\d\d [\d:]+ |\d+#\d+: |\*\d+|\d+(\.\d+){3}(:\d+)?|[a-z]+-\d+"|bench-\d+|"version":"[^"]*",?|"host":"[^"]*",?`)

func inGeneral(kind string) string { return particular.ReplaceAllString(kind, "*") }

// troubled are the troubles that services have printed, the most frequent
// first.
func (a *agent) troubled() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, text := range slices.SortedFunc(maps.Keys(a.troubles), func(x, y string) int { return a.troubles[y] - a.troubles[x] }) {
		all = append(all, fmt.Sprintf("%d × %s", a.troubles[text], text))
	}
	return all[:min(10, len(all))]
}

// now is how many lines there are by now.
func (a *agent) now() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.lines)
}

// await gives the first line from number from on that says one of the
// messages of the service.
func (a *agent) await(ctx context.Context, from int, service string, messages ...string) (line, error) {
	for {
		a.mu.Lock()
		lines, more := a.lines, a.more
		a.mu.Unlock()
		for ; from < len(lines); from++ {
			for _, m := range messages {
				if lines[from].Message == m && lines[from].Service == service {
					return lines[from], nil
				}
			}
		}
		select {
		case <-more:
		case <-a.done:
			return line{}, fmt.Errorf("the agent ended before %s was %s: %s", service, strings.Join(messages, " or "), a.said())
		case <-ctx.Done():
			return line{}, fmt.Errorf("%s was not %s: %w: %s", service, strings.Join(messages, " or "), context.Cause(ctx), a.said())
		}
	}
}

// live waits until a deploy of the service has gone live; any other end is an
// error.
func (a *agent) live(ctx context.Context, from int, service string) (line, error) {
	l, err := a.await(ctx, from, service, "live", "failed", "refused")
	if err == nil && l.Message != "live" {
		err = fmt.Errorf("not live: %s", l.Text)
	}
	return l, err
}

// said are the agent's last lines.
func (a *agent) said() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, l := range a.lines[max(0, len(a.lines)-10):] {
		b.WriteString("\n" + l.Text)
	}
	return b.String() + "\n" + a.stderr.String()
}

// stop ends the agent as Ctrl-C does; its containers go on serving.
func (a *agent) stop() error {
	err := a.cmd.Process.Signal(os.Interrupt)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	kill := time.AfterFunc(30*time.Second, func() { _ = a.cmd.Process.Kill() })
	defer kill.Stop()
	<-a.done
	if err := a.cmd.Wait(); err != nil {
		return fmt.Errorf("the agent ended: %w: %s", err, a.said())
	}
	return nil
}
