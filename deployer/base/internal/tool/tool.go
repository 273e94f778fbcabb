// Package tool runs the programs that root filesystems are made with. Each runs
// in mount and PID namespaces of its own, so whatever it mounts or leaves running
// is gone when it ends, when its context ends, and when this process is killed.
// That takes root.
package tool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// inNamespaces is the first process of every tool's PID namespace. What the
// tool mounts stays in its mount namespace, and /proc shows the processes of
// the PID namespace. The shell stays, since a process with ID 1 ignores the
// signals it has no handler for (pid_namespaces(7)).
const inNamespaces = `umask 022; mount --make-rprivate / && mount -t proc proc /proc || exit; "$@"; exit $?`

// outputWait is how long to wait for the end of a tool's output once it has
// ended.
const outputWait = 5 * time.Second

// packageOf names the package a missing tool comes with.
var packageOf = map[string]string{
	"mmdebstrap": "mmdebstrap", "lxc-create": "lxc", "lxc-info": "lxc",
	"btrfs": "btrfs-progs", "sh": "dash", "chroot": "coreutils", "mount": "mount", "tar": "tar",
}

// Run runs a tool and waits for it, passing on each line that it prints. When
// ctx ends, or this process does, the tool and all that it started are killed:
// the kernel ends a PID namespace with its first process, whose end is reported
// after that of the others. The error has the tool's last lines; its name is for
// the caller to add.
func Run(ctx context.Context, line func(string), name string, args ...string) error {
	return Pipe(ctx, line, nil, nil, name, args...)
}

// Pipe is Run for a tool that reads in, and whose standard output goes to out
// rather than being lines, each where it is not nil. If in or out fails, that is
// the error. If the error is exec.ErrWaitDelay, in may still be read.
func Pipe(ctx context.Context, line func(string), in io.Reader, out io.Writer, name string, args ...string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	path, err := Find(name)
	if err != nil {
		return err
	}
	printed := &output{line: line}
	ends := &ends{in: in, out: out}
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", inNamespaces, "sh", path}, args...)...)
	cmd.Env = environment(os.Environ())
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = printed, printed
	if in != nil {
		cmd.Stdin = ends
	}
	if out != nil {
		cmd.Stdout = ends
	}
	cmd.WaitDelay = outputWait
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true, // no terminal to ask on, no Ctrl-C from it
		Pdeathsig:  syscall.SIGKILL,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
	}
	// The death signal comes with the end of the thread that forked,
	// PR_SET_PDEATHSIG(2const), so that thread has to wait as well.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	printed.flush()
	switch {
	case err == nil && ends.failed == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("killed: %w%s", context.Cause(ctx), printed.tail())
	case errors.Is(err, exec.ErrWaitDelay) || ends.failed == nil:
		return fmt.Errorf("%w%s", err, printed.tail())
	}
	return ends.failed
}

// ends are what a tool reads and writes. They remember why one failed: the tool
// sees no more than a closed pipe.
type ends struct {
	in     io.Reader
	out    io.Writer
	failed error
}

func (e *ends) Write(p []byte) (int, error) {
	n, err := e.out.Write(p)
	if err != nil {
		e.failed = err
	}
	return n, err
}

func (e *ends) Read(p []byte) (int, error) {
	n, err := e.in.Read(p)
	if err != nil && err != io.EOF {
		e.failed = err
	}
	return n, err
}

// Find gives the path of a tool, or says how to get it.
func Find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	if from, known := packageOf[name]; known && errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s is not installed: apt-get install %s", name, from)
	}
	return "", err
}

// environment gives what a tool gets of this process's environment: little,
// so that a base does not depend on who builds it.
func environment(ours []string) []string {
	path := os.Getenv("PATH")
	env := []string{"PATH=" + path + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	for _, item := range ours {
		key, _, _ := strings.Cut(item, "=")
		switch strings.ToLower(key) {
		case "http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy":
			env = append(env, item)
		}
	}
	return env
}
