package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// generationsSwitched is how many generations take over from each other, and
// each prints so many lines: alone, and beside the one before and after it.
const (
	generationsSwitched = 20
	linesEach           = 60
	linesBeside         = 20
)

// TestLogsFollowAcrossSwitches has one generation after the other print, 200
// lines a second together. Whoever follows gets every line once, in order.
func TestLogsFollowAcrossSwitches(t *testing.T) {
	dir := t.TempDir()
	jarloop := filepath.Join(dir, "jarloop")
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("state = %q\nrun = %q\n[service.web]\nport = 8080\n", filepath.Join(dir, "state"), filepath.Join(dir, "run"))
	if err := errors.Join(install(jarloop), os.WriteFile(config, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	follower := exec.CommandContext(ctx, jarloop, "logs", "-f", "--config", config)
	out, err := follower.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follower.Start(); err != nil {
		t.Fatal(err)
	}
	printing := make(chan error, 1)
	go func() { printing <- printGenerations(ctx, filepath.Join(dir, "state", "logs", "web")) }()

	got, left := map[string][]string{}, generationsSwitched*linesEach
	for lines := bufio.NewScanner(out); left > 0 && lines.Scan(); left-- {
		generation, line, found := strings.Cut(lines.Text(), " │ ")
		if !found {
			t.Fatalf("%q has no prefix", lines.Text())
		}
		got[strings.TrimSpace(generation)] = append(got[strings.TrimSpace(generation)], line)
	}
	if err := <-printing; err != nil {
		t.Fatal(err)
	}
	if err := follower.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest := bufio.NewScanner(out)
	if rest.Scan() {
		t.Errorf("a line too many: %q", rest.Text())
	}
	if err := follower.Wait(); err != nil {
		t.Errorf("interrupted, it ends with %v", err)
	}
	var want []string
	for i := range linesEach {
		want = append(want, printedLine(i))
	}
	for n := 1; n <= generationsSwitched; n++ {
		if g := fmt.Sprintf("web-%d", n); !slices.Equal(got[g], want) {
			t.Errorf("%s: %d lines, want %d in order", g, len(got[g]), len(want))
		}
	}
}

func printedLine(i int) string { return fmt.Sprintf("%03d %s", i, strings.Repeat("x", 200)) }

// printGenerations is what the generations of a service write, one after the
// other.
func printGenerations(ctx context.Context, folder string) error {
	tick := time.NewTicker(time.Second / 200)
	defer tick.Stop()
	say := func(n, i int) error {
		if n < 1 || n > generationsSwitched {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		return printLine(filepath.Join(folder, strconv.Itoa(n), "reports", "out"), printedLine(i))
	}
	for n := 1; n <= generationsSwitched+1; n++ {
		for i := range linesBeside { // the old one drains while the new one begins
			if err := errors.Join(say(n, i), say(n-1, linesEach-linesBeside+i)); err != nil {
				return err
			}
		}
		for i := linesBeside; i < linesEach-linesBeside; i++ {
			if err := say(n, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// printLine appends a line as it may come: not all at once.
func printLine(path, line string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err1 := f.WriteString(line[:100])
	_, err2 := f.WriteString(line[100:] + "\n")
	return errors.Join(err1, err2)
}
