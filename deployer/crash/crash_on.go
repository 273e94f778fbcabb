//go:build crashpoints

// Package crash kills the program where a test wants it.
//
// The environment variable JARLOOP_CRASH names a folder. Its file "at" says
// where to die: "before", "in" or "after", the number of the act among those of
// its name since the file was last changed, a time in milliseconds (for "in":
// how long after the beginning), and the act's name. Every act that is over is
// a line of its file "passed": number, milliseconds, name. Nothing else is a
// way in.
package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	folder = os.Getenv("JARLOOP_CRASH")

	mu   sync.Mutex
	at   string
	seen = map[string]int{}
)

// Point says that the act of that name begins, and returns what is to be
// called when it is over.
func Point(name string) (over func()) {
	if folder == "" {
		return func() {}
	}
	number, where := note(name)
	die(where, "before", number, name)
	if wait, ok := planned(where, "in", number, name); ok {
		time.AfterFunc(wait, kill)
	}
	began := time.Now()
	return func() {
		passed(number, time.Since(began), name)
		die(where, "after", number, name)
	}
}

// note counts the act.
func note(name string) (number int, where string) {
	mu.Lock()
	defer mu.Unlock()
	text, _ := os.ReadFile(filepath.Join(folder, "at")) // none: nowhere
	if string(text) != at {
		at = string(text)
		clear(seen)
	}
	seen[name]++
	return seen[name], at
}

// planned says whether this is where to die, and after what time.
func planned(where, when string, number int, name string) (time.Duration, bool) {
	var wantWhen string
	var wantNumber int
	var ms float64
	if _, err := fmt.Sscanf(where, "%s %d %f", &wantWhen, &wantNumber, &ms); err != nil {
		return 0, false
	}
	words := strings.SplitN(where, " ", 4)
	return time.Duration(ms * float64(time.Millisecond)), wantWhen == when && wantNumber == number && words[len(words)-1] == name
}

func die(where, when string, number int, name string) {
	if _, ok := planned(where, when, number, name); ok {
		kill()
	}
}

func kill() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func passed(number int, took time.Duration, name string) {
	f, err := os.OpenFile(filepath.Join(folder, "passed"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "%d %f %s\n", number, took.Seconds()*1000, name)
}
