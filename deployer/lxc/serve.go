//go:build cgo

package lxc

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"

	lxc "github.com/lxc/go-lxc"
)

// Serve is the child's side: it reads one request from in, does it, and
// writes the answer to out.
//
// Serve must have the process to itself: liblxc changes its umask, and WriteFiles
// its mount namespace. The error is for a request that could not be read or
// answered; one that was tried and did not go well is an answer.
func Serve(in io.Reader, out io.Writer) error {
	go endWithAgent()
	if err := awaitThreads(); err != nil {
		return fmt.Errorf("wait for the process's threads: %w", err)
	}
	buffered := bufio.NewReader(in)
	decoder := json.NewDecoder(buffered)
	var r request
	if err := decoder.Decode(&r); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	a, err := serve(r, io.MultiReader(decoder.Buffered(), buffered))
	if err != nil {
		a.Error = err.Error()
	}
	return json.NewEncoder(out).Encode(a)
}

// endWithAgent kills the child's process group when the agent, which holds
// the other end of the lifeline, is gone: what is half done then is for the
// next agent to find as it was at that moment.
func endWithAgent() {
	f := os.NewFile(lifeline, "lifeline")
	if f == nil {
		return
	}
	if _, err := f.Read(make([]byte, 1)); err == io.EOF {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
}

func serve(r request, data io.Reader) (answer, error) {
	switch r.Op {
	case opStates:
		return states(r)
	case opClone:
		return answer{}, clone(r)
	case opWrite:
		return answer{}, withContainer(r.Path, r.Name, func(c *lxc.Container) error {
			return inRoot(c, func(root string) error { return writeFiles(root, data) })
		})
	case opStart:
		return start(r)
	case opStop:
		return answer{}, stop(r)
	case opDestroy:
		return answer{}, destroy(r)
	case opRun:
		return run(r)
	case opKill:
		return answer{}, kill(r)
	case opAddresses:
		return addresses(r)
	}
	return answer{}, fmt.Errorf("unknown call %q", r.Op)
}
