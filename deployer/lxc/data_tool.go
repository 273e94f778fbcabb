package lxc

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jarloop/jarloop/deployer/crash"
)

// tarKeeps are tar's arguments that keep all that data consist of.
var tarKeeps = []string{"--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls"}

// copyAll copies what is in a folder into another, with all that belongs to it.
// What the filesystem can share is shared.
func copyAll(ctx context.Context, from, to string) error { return copyTo(ctx, from+"/.", to) }

func copyTo(ctx context.Context, from, to string) error {
	return runTool(ctx, "cp", "--archive", "--reflink=auto", "--sparse=auto", "--no-target-directory", "--", from, to)
}

func runTool(ctx context.Context, argv ...string) error {
	return runCommand(ctx, exec.CommandContext(ctx, argv[0], argv[1:]...))
}

// runCommand runs a program that ends with its context, and with this process.
func runCommand(ctx context.Context, cmd *exec.Cmd) error {
	var said strings.Builder
	cmd.Stderr = &said
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 2 * time.Second
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	defer crash.Point(filepath.Base(cmd.Path) + " data")()
	runtime.LockOSThread() // else it is killed when a thread ends (prctl(2), PR_SET_PDEATHSIG)
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return withOutput(err.Error(), said.String())
	}
	return nil
}
