package deployer

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

// Machine is what a deploy wants of the host's containers. Every call ends
// when its context does.
type Machine interface {
	// States gives the process ID of each existing container's init, by the
	// container's name; 0 for one that is stopped, and -1 for one that is
	// neither stopped nor running: its start may hang.
	States(ctx context.Context) (map[string]int, error)
	// Init says which init runs in the clones of a base.
	Init(ctx context.Context, base string) (guest.Init, error)
	// Clone makes the container name from base with the items of config
	// ("key = value") set. It fails when the container is there.
	Clone(ctx context.Context, base, name string, config []string) error
	// Lend lets the root of the base's clones write to a folder of the host
	// that is mounted into one of them.
	Lend(base, folder string) error
	// Fill writes files into the stopped container.
	Fill(ctx context.Context, name string, files []guest.File) error
	// Start gives the process ID of the container's init. One that runs
	// already is no error.
	Start(ctx context.Context, name string) (int, error)
	// Stop stops the container, asking first and killing after grace. One
	// that is stopped, half made or gone is no error.
	Stop(ctx context.Context, name string, grace time.Duration) error
	// Destroy removes the stopped container with its folder. One that is half
	// made or gone is no error.
	Destroy(ctx context.Context, name string) error
	// Run runs a command inside the running container and gives what it
	// printed; another exit status than 0 is an error.
	Run(ctx context.Context, name string, argv []string) ([]byte, error)
	// Kill kills at once all that runs in the running container but its init.
	Kill(ctx context.Context, name string) error
	// Addresses gives the IPv4 addresses the running container has by now.
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
	// Alive says whether the process, an init that Start gave, still runs.
	Alive(init int) bool
	// Root opens the root of the running container whose init is given. The
	// caller closes it before it stops the container.
	Root(init int) (Root, error)
	// Folder is where the container is kept on the host. Records lie there.
	Folder(name string) string
	// Connections counts the open connections to a port of the running
	// container whose init is given.
	Connections(init int, port uint16) (int, error)
	// Memory gives how many bytes of memory the running container holds whose
	// init is given; an error where nobody counts them.
	Memory(init int) (int64, error)
}

// Root is the inside of a running container, confined to it. guest.Root
// implements it.
type Root interface {
	ReadFile(name string) ([]byte, error)
	WriteFile(name string, data []byte, perm fs.FileMode) error
	// CopyTree makes dst hold exactly what the host's folder src holds.
	CopyTree(ctx context.Context, src, dst string) error
	// OpenGate lets the waiting unit run; guest.ErrEarly says that it is not
	// there yet, and one that has passed is no error.
	OpenGate() error
	Open(name string) (*os.File, error)
	Glob(pattern string) ([]string, error)
	Close() error
}

// Network is what a deploy wants of addresses, names and ports.
type Network interface {
	// Lease gives the container an address that no other has, with the length
	// of its network's prefix; the zero Prefix means that it gets one by
	// DHCP. Asking again gives the same.
	Lease(ctx context.Context, container string) (netip.Prefix, error)
	// Hold says that the container, which exists, has the address.
	Hold(container string, addr netip.Addr) error
	// Release takes the address back. None held is no error.
	Release(container string)
	// SetNames makes the marked block of the hosts file inside root hold
	// exactly names, and says whether it did not before.
	SetNames(root Root, names map[string]netip.Addr) (changed bool, err error)
	// SetPorts makes the published ports and the service addresses lead to
	// targets, by service; those of a service without one lead nowhere.
	SetPorts(ctx context.Context, targets map[string]netip.AddrPort, addresses map[string]netip.Addr) error
	// RepairPorts is SetPorts where someone else may have changed the rules,
	// and says whether anything had to be mended.
	RepairPorts(ctx context.Context, targets map[string]netip.AddrPort, addresses map[string]netip.Addr) (bool, error)
	// Forget makes the kernel forget the connections to an address whose
	// container has stopped.
	Forget(addr netip.Addr) error
	// Items are the configuration of a container's network interface.
	Items(addr netip.Prefix) []string
	// Nameserver is what a container with a static address asks for names;
	// the zero Addr means that it has none.
	Nameserver() netip.Addr
}
