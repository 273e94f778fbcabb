package defaults

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// spoil is what a machine may have set, in the order in which it can be.
const spoil = `
cd /proc/sys/net/ipv4
echo 1 >ip_forward
for of in all default lo; do
	echo 1 >conf/$of/route_localnet
	echo 2 >conf/$of/rp_filter
	echo 0 >conf/$of/send_redirects
	echo 1 >conf/$of/arp_ignore
done
`

const show = `
ip link add bridge0 type bridge
cd /proc/sys/net/ipv4
for of in all default lo bridge0; do
	cat conf/$of/forwarding conf/$of/route_localnet conf/$of/rp_filter conf/$of/send_redirects conf/$of/arp_ignore
done | tr -d '\n'
cat ip_forward
`

func TestANamespaceIsWhatAKernelBeginsWith(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	in := func(script string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "-ec", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got, want := in(spoil+show), strings.Repeat("11201", 3)+"11201"+"1"; got != want {
		t.Fatalf("the machine is %s, want %s", got, want)
	}
	if got, want := in(spoil+Script()+show), strings.Repeat("00010", 4)+"0"; got != want {
		t.Errorf("by script it is %s, want %s", got, want)
	}
}

func TestSetIsForTheThreadsNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	const file = "/proc/sys/net/ipv4/ip_forward"
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with the goroutine
		failed <- errors.Join(unix.Unshare(unix.CLONE_NEWNET), os.WriteFile(file, []byte("1"), 0), Set(), func() error {
			if text, err := os.ReadFile(file); err != nil || string(text) != "0\n" {
				return errors.Join(errors.New("ip_forward is "+string(text)), err)
			}
			return nil
		}())
	}()
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
