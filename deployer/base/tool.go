package base

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

// run runs a tool and waits for it, passing on each line that it prints. When
// ctx ends, or this process does, the tool and all that it started are
// killed: the kernel ends a PID namespace with its first process, and that
// one's end is not reported before the last of the others has gone. The error
// bears the tool's last lines; its name is the caller's to add.
func run(ctx context.Context, line func(string), name string, args ...string) error {
	return pipe(ctx, line, nil, nil, name, args...)
}

// pipe is run for a tool that reads in, and whose standard output goes to
// data rather than being lines, each where it is not nil.
func pipe(ctx context.Context, line func(string), in io.Reader, data io.Writer, name string, args ...string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	path, err := find(name)
	if err != nil {
		return err
	}
	out := &output{line: line}
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", inNamespaces, "sh", path}, args...)...)
	cmd.Env = environment(os.Environ())
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, out
	if data != nil {
		cmd.Stdout = data
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
	out.flush()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("killed: %w%s", context.Cause(ctx), out.tail())
	}
	return fmt.Errorf("%w%s", err, out.tail())
}

// find gives the path of a tool, or says how to get it.
func find(name string) (string, error) {
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
