package lxc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
)

type op string

const (
	opStates    op = "states"
	opClone     op = "clone"
	opWrite     op = "write"
	opStart     op = "start"
	opStop      op = "stop"
	opDestroy   op = "destroy"
	opRun       op = "run"
	opKill      op = "kill"
	opAddresses op = "addresses"
)

// request is what the child is asked, in one JSON value on its standard input.
type request struct {
	Op      op
	Path    string // lxc.path
	Name    string `json:",omitempty"`
	Base    string `json:",omitempty"`
	Backing string `json:",omitempty"`
	// Config holds "key = value" lines.
	Config []string      `json:",omitempty"`
	Argv   []string      `json:",omitempty"`
	Grace  time.Duration `json:",omitempty"`
	// Idle has what is started run at the lowest priority.
	Idle bool `json:",omitempty"`
}

// answer is what the child says, in one JSON value on its standard output.
type answer struct {
	// Error is empty when the call was done.
	Error     string         `json:",omitempty"`
	States    map[string]int `json:",omitempty"`
	Init      int            `json:",omitempty"`
	Status    int            `json:",omitempty"`
	Output    []byte         `json:",omitempty"`
	Addresses []netip.Addr   `json:",omitempty"`
}

// lifeline is the child's file descriptor that closes when the agent is gone.
const lifeline = 3

// call runs one request in a child of its own.
func (h *Host) call(ctx context.Context, deadline time.Duration, r request, data io.Reader) (answer, error) {
	defer crash.Point("lxc " + string(r.Op))()
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, late("no answer from liblxc", deadline))
	defer cancel()

	r.Path = h.Path
	input, err := json.Marshal(r)
	if err == nil && data != nil {
		var rest []byte
		rest, err = io.ReadAll(data)
		input = append(input, rest...)
	}
	if err != nil {
		return answer{}, err
	}
	for {
		a, err := h.child(ctx, input)
		if err == nil || !strings.Contains(err.Error(), notSealed) || deployer.Pause(ctx, 10*time.Millisecond) != nil {
			return a, err
		}
	}
}

// notSealed is what liblxc says where it could not begin, since the kernel still held
// pages of the copy of the program that it seals (rexec.c; fcntl(2), F_ADD_SEALS,
// EBUSY). Nothing has been done then.
const notSealed = "Failed to rexec as memfd"

// child runs a child, and gives its answer.
func (h *Host) child(ctx context.Context, input []byte) (answer, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return answer{}, err
	}
	defer ours.Close()
	defer theirs.Close()

	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, h.Child[0], h.Child[1:]...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(os.Environ(), "LXC_MEMFD_REXEC=1") // CVE-2019-5736: rexec.c:205
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A monitor may hold the pipes for the moment until it has closed all
	// that it inherited.
	cmd.WaitDelay = 2 * time.Second

	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		if ctx.Err() != nil {
			return answer{}, context.Cause(ctx)
		}
		return answer{}, withOutput(err.Error(), stderr.String())
	}
	var a answer
	if err := json.Unmarshal(stdout.Bytes(), &a); err != nil {
		return answer{}, withOutput("no answer from the child", stderr.String())
	}
	if a.Error != "" {
		return answer{}, withOutput(a.Error, stderr.String())
	}
	return a, nil
}

// lateError says what was not done within a time of ours.
type lateError string

func late(what string, within time.Duration) error {
	return lateError(fmt.Sprintf("%s within %s", what, within))
}

func (e lateError) Error() string { return string(e) }

func (e lateError) Is(target error) bool { return target == deployer.ErrLate }

// withOutput adds the first lines that liblxc said to an error of go-lxc,
// which carries no cause.
func withOutput(what, output string) error {
	const most = 4
	lines := strings.FieldsFunc(output, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > most {
		lines = lines[:most] // the first error is the cause, the later ones follow from it
	}
	if len(lines) > 0 {
		what += ": " + strings.Join(lines, "; ")
	}
	return causeError(what)
}

// causeError is an error of which only the text has come from the child, or out
// of liblxc. That a disk is full can be asked of it, since who asks can wait.
type causeError string

func (e causeError) Error() string { return string(e) }

func (e causeError) Is(target error) bool {
	return target == syscall.ENOSPC && strings.Contains(strings.ToLower(string(e)), syscall.ENOSPC.Error())
}
