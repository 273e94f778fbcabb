// Command pictures draws the pictures of README.md that show a terminal or the page:
// it does in a lab what a developer does, and draws what is seen.
//
//	make pictures
//	go run ./cmd/pictures
//
//	terminal ── capture ──▶ parse ──▶ screen ──▶ svg ──▶ docs/run.svg
//	                                    ▲                   │
//	                                    └────── read ◀──────┘
//
//	browser ── picture, with an outline of what the page says ──▶ docs/page.png
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
	if err != nil {
		return err // the last one may be half a picture
	}
	for _, p := range pictures {
		content := p.image
		if content == nil {
			content = []byte(p.screen.svg(p.about, columns))
		}
		err = errors.Join(err, os.WriteFile(p.file(checkout), content, 0o644))
	}
	return err
}

// picture is one of README.md or of docs: of a terminal or, with an image, of the page.
type picture struct {
	name, about string
	screen      screen
	image       []byte
	outline     []string
}

func (p picture) file(checkout string) string {
	kind := ".svg"
	if p.image != nil {
		kind = ".png"
	}
	return filepath.Join(checkout, "docs", p.name+kind)
}
