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

// agent is a jarloop that runs on the lab's VM. What it prints is read only for what
// services say of trouble: how its deploys end is in its status, which waits in no pipe
// behind what services print.
type agent struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	done   chan struct{} // closed when its output has ended

	mu sync.Mutex
	// troubles is how often services have printed what tells of trouble.
	troubles map[string]int
	last     []string // that it has printed of itself, to be shown where it has failed
}

// line is one line of the agent's output, which is JSON.
type line struct {
	Level   string `json:"level"` // empty: a service has printed it
	Message string `json:"message"`
	Service string `json:"service"`
}

// lastLines is how many lines of the agent are kept.
const lastLines = 20

// startAgent starts the program on the VM. The caller stops it.
func startAgent(l *lab.Lab, program, config string) (*agent, error) {
	a := &agent{done: make(chan struct{}), troubles: map[string]int{}}
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

// read reads to the end, however long a line is: an agent whose output nobody reads
// keeps all of it in memory.
func (a *agent) read(out io.Reader) {
	defer close(a.done)
	for r := bufio.NewReader(out); ; {
		text, err := r.ReadBytes('\n')
		if len(text) > 0 {
			a.note(text)
		}
		if err != nil {
			return
		}
	}
}

func (a *agent) note(text []byte) {
	var l line
	if json.Unmarshal(text, &l) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case l.Level != "":
		a.last = append(a.last[max(0, len(a.last)-lastLines+1):], string(text))
	case trouble.MatchString(l.Message):
		a.troubles[l.Service+": "+inGeneral(l.Message)]++
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

// said is the last that it has printed of itself.
func (a *agent) said() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.last, "") + a.stderr.String()
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
