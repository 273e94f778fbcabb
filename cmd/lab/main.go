// Command lab stands up a lab and runs a command on its VM, a shell if none
// is given, then takes it down:
//
//	go run ./cmd/lab [-inotify] [COMMAND ARGUMENT...]
//
// The command finds the lab's folders in its environment: SHARE is the
// laptop's side of the shared folder, HOST the VM's, LXC lxc.path, LAB a
// folder for anything else, and LAPTOP what to put before a command to run it
// on the laptop.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

func main() {
	inotify := flag.Bool("inotify", false, "share a folder that inotify can see")
	flag.Parse()
	if err := run(context.Background(), *inotify, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, inotify bool, argv []string) (err error) {
	l, err := lab.New(ctx, !inotify)
	if err != nil {
		return err
	}
	defer func() {
		if e := l.Close(); err == nil {
			err = e
		}
	}()
	if len(argv) == 0 {
		argv = []string{"bash"}
	}
	cmd := l.VM(ctx, argv...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "SHARE="+l.Share, "HOST="+l.Host, "LXC="+l.LXC, "LAB="+l.Dir, "LAPTOP="+l.Enter(),
		// A daemon of Gradle would outlive the lab, and nobody elsewhere could ask
		// it for the locks that it holds.
		"GRADLE_OPTS="+os.Getenv("GRADLE_OPTS")+" -Dorg.gradle.daemon=false")
	return cmd.Run()
}
