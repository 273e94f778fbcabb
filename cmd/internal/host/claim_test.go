package host

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOneAgentAloneLeadsNamesAndPorts(t *testing.T) {
	onVM(t, func(t *testing.T) {
		first := newNetwork(t, "")
		second, err := NewNetwork(configuration(t, ""), func(string) {})
		if err == nil {
			second.Close()
		}
		if want := fmt.Sprintf("another jarloop leads names and ports on this machine (process %d)", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the second: %v, want %q", err, want)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		newNetwork(t, "")
	})
}

// TestWhoIsNotRootClaimsNothing has nobody hold the socket.
func TestWhoIsNotRootClaimsNothing(t *testing.T) {
	onVM(t, func(t *testing.T) {
		const nobody = 65534
		runtime.LockOSThread() // the kernel knows whoever listens by the thread's user
		defer runtime.UnlockOSThread()
		if err := unix.Setresuid(-1, nobody, -1); err != nil {
			t.Fatal(err)
		}
		held, err := claim()
		if err := unix.Setresuid(-1, 0, -1); err != nil {
			t.Fatal(err)
		}
		if err != nil || held == nil {
			t.Fatalf("nobody holds %v, %v", held, err)
		}
		defer held.Close()
		if holder, err := claimant(); err != nil || holder.Uid != nobody {
			t.Fatalf("it is held by %+v, %v", holder, err)
		}
		newNetwork(t, "")
	})
}
