package inside

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// Address is the variable of the environment that names the address of an instance whose
// process 1 is this program, with the length of its network's prefix.
const Address = "JARLOOP_ADDRESS"

// Idle is what a process 1 does that is there for the calls of others, or for its network
// alone: it sees to it that what has ended is gone. It returns where that network cannot
// be.
func Idle() error {
	if own := os.Getenv(Address); own != "" {
		if err := setAddress(own); err != nil {
			return err
		}
	}
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err != nil && !errors.Is(err, unix.EINTR) {
			_ = deployer.Pause(context.Background(), 100*time.Millisecond) // there is nothing now
		}
	}
}

// setAddress gives eth0 an address. What is asked from there is in its network.
func setAddress(own string) error {
	address, err := netlink.ParseAddr(own)
	if err != nil {
		return err
	}
	link, err := netlink.LinkByName("eth0")
	if err == nil {
		err = netlink.AddrReplace(link, address)
	}
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		return fmt.Errorf("give eth0 the address %s: %w", own, err)
	}
	return nil
}
