package network

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// router gives one as a program has it.
func (l *lab) router() (*Router, error) {
	return NewRouter(Options{Bridge: "lxcbr0", Subnet: subnet})
}

func TestOneAgentAloneHasNamesAndPorts(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		first, err := l.router()
		l.check(err)
		second, err := l.router()
		if err == nil {
			second.Close()
		}
		if want := fmt.Sprintf("another jarloop has names and ports of this machine (process %d)", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the second: %v, want %q", err, want)
		}
		l.run("-N JARLOOP-FWD")
		if err := RemoveRules(t.Context(), "lxcbr0"); !errors.Is(err, ErrHeld) || !strings.Contains(l.save(), "JARLOOP-FWD") {
			t.Errorf("remove what somebody holds: %v\n%s", err, l.save())
		}
		l.check(first.Close())
		third, err := l.router()
		l.check(err)
		l.check(third.Close())
		l.check(third.Close()) // again
	})
}

// TestWhoIsNotRootClaimsNothing has nobody hold the socket.
func TestWhoIsNotRootClaimsNothing(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		const nobody = 65534
		runtime.LockOSThread() // the kernel knows whoever listens by the thread's user
		defer runtime.UnlockOSThread()
		l.check(unix.Setresuid(-1, nobody, -1))
		held, err := claim()
		l.check(unix.Setresuid(-1, 0, -1))
		if err != nil || held == nil {
			t.Fatalf("nobody holds %v, %v", held, err)
		}
		defer held.Close()
		if holder, err := claimant(); err != nil || holder.Uid != nobody {
			t.Fatalf("it is held by %+v, %v", holder, err)
		}
		r, err := l.router()
		l.check(err)
		l.check(r.Close())
	})
}
