// Command pictures draws the pictures of README.md that show a terminal: it does
// in a lab what a developer does, and draws what is seen.
//
//	make pictures
//	go run ./cmd/pictures
//
//	terminal ── capture ──▶ parse ──▶ screen ──▶ svg ──▶ docs/run.svg
//	                                    ▲                   │
//	                                    └────── read ◀──────┘
//
// It needs root. The package's test does the same and says whether the pictures
// are still true.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := draw(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

// draw writes every picture.
func draw(ctx context.Context) (err error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find the checkout: %w", err)
	}
	checkout := filepath.Dir(strings.TrimSpace(string(mod)))
	pictures, err := play(ctx, checkout)
	for _, p := range pictures {
		err = errors.Join(err, os.WriteFile(p.file(checkout), []byte(p.screen.svg(p.about, columns)), 0o644))
	}
	return err
}

// picture is one of README.md.
type picture struct {
	name, about string
	screen      screen
}

func (p picture) file(checkout string) string {
	return filepath.Join(checkout, "docs", p.name+".svg")
}
