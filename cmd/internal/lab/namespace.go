package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/network/defaults"
)

// namespace is a network and a mount namespace, held by a process that ends
// with this one.
type namespace struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

// hold makes a namespace and runs a script in it.
func hold(ctx context.Context, script string) (*namespace, error) {
	cmd := exec.Command("unshare", "--mount", "--net", "--propagation", "private",
		"sh", "-ec", defaults.Script()+script+"\necho ready\nexec cat >/dev/null")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	// Not to be hit by Ctrl-C before what runs inside has been taken down.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n := &namespace{cmd: cmd, stdin: stdin}
	// The script is short and cannot wait for anything.
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || strings.TrimSpace(line) != "ready" {
		return nil, errors.Join(fmt.Errorf("set up a namespace: %q", line), err, n.close())
	}
	return n, ctx.Err()
}

func (n *namespace) pid() int { return n.cmd.Process.Pid }

// close ends the process that holds the namespace, and waits for it.
func (n *namespace) close() error {
	n.stdin.Close()
	if err := n.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = n.cmd.Wait() // it was killed, on purpose
	return nil
}

func (n *namespace) command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter",
		append([]string{"--target", strconv.Itoa(n.pid()), "--mount", "--net", "--"}, argv...)...)
	cmd.Env = environment()
	return cmd
}

// environment is that of a command in a lab: what is said to the programs under
// test, and nothing else of this machine's, as its proxies, options of JVMs or
// the socket of a supervisor.
func environment() []string {
	env := []string{"HOME=/root", "LANG=C.UTF-8"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains([]string{"PATH", "XTABLES_LOCKFILE", "GOCOVERDIR", "GORACE"}, name) || strings.HasPrefix(name, "JARLOOP_") {
			env = append(env, variable)
		}
	}
	return env
}

// dial opens a connection from inside the namespace. A socket belongs to the
// namespace of the thread that makes it, for as long as it lives.
func (n *namespace) dial(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, so that no other
		// finds itself in this namespace.
		runtime.LockOSThread()
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", n.pid()))
		if err == nil {
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
			f.Close()
		}
		if err != nil {
			done <- result{nil, err}
			return
		}
		// An address, never a name, and one family: the dialer makes the
		// socket on this thread.
		conn, err := (&net.Dialer{FallbackDelay: -1}).DialContext(ctx, network, address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}
