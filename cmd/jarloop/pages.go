//go:build pages

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra/doc"

	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// Built with the tag "pages" this program does something else: it writes the
// pages of the manual and the completions of shells, which are made of the
// verbs, into a folder as they lie below /usr/share.
//
//	go run -tags pages ./cmd/jarloop FOLDER
func init() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pages FOLDER")
		os.Exit(exit.Usage)
	}
	if err := writePages(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exit.Failed)
	}
	os.Exit(exit.Done)
}

func writePages(share string) error {
	manual := filepath.Join(share, "man/man1")
	bash := filepath.Join(share, "bash-completion/completions/jarloop")
	zsh := filepath.Join(share, "zsh/vendor-completions/_jarloop")
	fish := filepath.Join(share, "fish/vendor_completions.d/jarloop.fish")
	for _, folder := range []string{manual, filepath.Dir(bash), filepath.Dir(zsh), filepath.Dir(fish)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	root := newRoot()
	root.DisableAutoGenTag = true // the same verbs make the same pages
	return errors.Join(
		doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "jarloop", Manual: "jarloop"}, manual),
		root.GenBashCompletionFileV2(bash, true),
		root.GenZshCompletionFile(zsh),
		root.GenFishCompletionFile(fish, true),
	)
}
