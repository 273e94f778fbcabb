package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// agentProcess is an agent that runs on the VM.
type agentProcess struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr lockedBuffer
	done   chan struct{}

	mu    sync.Mutex
	lines []logLine
}

// logLine is one JSON line of the agent's output.
type logLine struct {
	at   time.Time
	text string

	Level      string   `json:"level"`
	Message    string   `json:"message"`
	Service    string   `json:"service"`
	Generation string   `json:"generation"`
	Reason     string   `json:"reason"`
	Serving    string   `json:"serving"`
	Step       string   `json:"step"`
	Tail       []string `json:"tail"`
}

func (a *agentProcess) read(out io.Reader) {
	defer close(a.done)
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		l := logLine{at: time.Now(), text: scanner.Text()}
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			a.t.Errorf("not JSON: %q", scanner.Text())
		}
		a.mu.Lock()
		a.lines = append(a.lines, l)
		a.mu.Unlock()
	}
}

// said gives the lines from number from on that match.
func (a *agentProcess) said(from int, match func(logLine) bool) []logLine {
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []logLine
	for _, l := range a.lines[min(from, len(a.lines)):] {
		if match(l) {
			found = append(found, l)
		}
	}
	return found
}

// now is how many lines there are by now.
func (a *agentProcess) now() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.lines)
}

// await waits for a line about a service.
func (a *agentProcess) await(from int, message, service string) logLine {
	a.t.Helper()
	var found []logLine
	a.eventually(message+" "+service, func() bool {
		found = a.said(from, func(l logLine) bool { return l.Message == message && (service == "" || l.Service == service) })
		return len(found) > 0
	})
	return found[0]
}

// eventually waits for a condition, and shows what the agent said if it never
// comes true.
func (a *agentProcess) eventually(what string, so func() bool) {
	a.t.Helper()
	a.within(90*time.Second, what, so)
}

func (a *agentProcess) within(patience time.Duration, what string, so func() bool) {
	a.t.Helper()
	deadline := time.Now().Add(patience)
	for !so() {
		select {
		case <-a.done:
			a.t.Fatalf("the agent ended before: %s\n%s", what, a.output())
		default:
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("not within %s: %s\n%s", patience, what, a.output())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (a *agentProcess) output() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, l := range a.lines {
		if l.Level != "" { // not what the services print
			b.WriteString(l.text + "\n")
		}
	}
	return b.String() + a.stderr.String()
}

// kill ends the agent as a power cut would.
func (a *agentProcess) kill() {
	_ = a.cmd.Process.Kill()
	<-a.done
	_ = a.cmd.Wait()
}

// stop ends the agent as Ctrl-C does, and gives its exit status.
func (a *agentProcess) stop() int {
	a.t.Helper()
	if err := a.cmd.Process.Signal(os.Interrupt); err != nil {
		a.t.Fatal(err)
	}
	<-a.done
	_ = a.cmd.Wait()
	if a.stderr.String() != "" {
		a.t.Errorf("the agent's standard error: %s", a.stderr.String())
	}
	return a.cmd.ProcessState.ExitCode()
}

func isDeploy(service string) func(logLine) bool {
	return func(l logLine) bool { return l.Message == "deploying" && l.Service == service }
}

// lockedBuffer is one that is read while a process writes to it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
