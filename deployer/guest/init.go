package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
)

// Init is the program that a container's process 1 is.
type Init string

// The inits whose way of being told to run something is known.
const (
	Systemd Init = "systemd"
	Upstart Init = "upstart"
	Busybox Init = "busybox"
)

// File is what is to stand at a name inside a root.
type File struct {
	Name string
	Mode fs.FileMode // of a file; a link has none; with fs.ModeNamedPipe it is a FIFO without Data
	Data []byte
	Link string // what it leads to, if it is a link and no file
	Gone bool   // nothing is to stand there
}

// errNoInit is in what DetectInit says of a root without a known init.
var errNoInit = errors.New("no init that is known")

// DetectInit says which init a root starts, by what /sbin/init is.
func DetectInit(r *Root) (Init, error) {
	init, err := r.stat("/sbin/init")
	if err != nil {
		return "", fmt.Errorf("detect init: %w: %w", errNoInit, err)
	}
	same := func(names ...string) bool {
		for _, name := range names {
			info, err := r.stat(name)
			if err != nil {
				continue
			}
			// A hard link, as the busybox template makes, becomes a file of
			// its own where a base was copied without regard to it.
			if os.SameFile(info, init) || name == "/bin/busybox" && info.Size() == init.Size() {
				return true
			}
		}
		return false
	}
	switch {
	case same("/usr/lib/systemd/systemd", "/lib/systemd/systemd"):
		return Systemd, nil
	case r.exists("/sbin/openrc"):
		return "", fmt.Errorf("detect init: %w: /sbin/openrc is there, and OpenRC is not supported", errNoInit)
	case same("/bin/busybox", "/usr/bin/busybox"):
		return Busybox, nil
	case r.exists("/sbin/initctl") && r.exists("/etc/init"):
		return Upstart, nil
	}
	return "", fmt.Errorf("detect init: %w: /sbin/init in %s is neither systemd nor busybox, "+
		"and /sbin/initctl with /etc/init (upstart) is not there", errNoInit, r.name)
}

// HaltSignal is the value of lxc.signal.halt that makes the init shut down.
func (i Init) HaltSignal() string {
	switch i {
	case Systemd:
		return "SIGRTMIN+3" // systemd(1): starts halt.target
	case Busybox:
		return "SIGUSR1" // busybox init: halt
	}
	return "SIGPWR" // upstart's power-status-changed event, which shuts down
}

// Start is the command, to be run inside the container, that starts the unit
// again after the service has ended. It does not wait for the service, and is
// no error when that runs. It fails while the container has not booted far
// enough to be asked, and when it halts. The first start needs no command: it is the gate's.
func (i Init) Start() []string {
	switch i {
	case Systemd:
		return []string{"systemctl", "start", "--no-block", unitName}
	case Upstart:
		return []string{"/bin/sh", "-c", "initctl start --no-wait jarloop || initctl status jarloop | grep -q start/"}
	}
	// Busybox's init, when it halts, waits for no signal any more, and kills what
	// is started then.
	return []string{"/bin/sh", "-c", "grep -Eq '^Sig(Blk|Cgt):.*[1-9a-f]' /proc/1/status && exec " + startFile}
}

// Stop is the command that ends the service, and is over when all of it has
// ended: every process is asked first and killed after the unit's grace. That
// none runs is no error.
func (i Init) Stop() []string {
	switch i {
	case Systemd:
		return []string{"systemctl", "stop", unitName}
	case Upstart:
		return []string{"/bin/sh", "-c", "initctl stop jarloop || initctl status jarloop | grep -q stop/"}
	}
	return []string{stopFile}
}

// Kill is the command that kills every process of the service at once; nil where
// the init knows none, and all but the init have to be killed.
func (i Init) Kill() []string {
	if i == Systemd {
		return []string{"systemctl", "kill", "--signal=KILL", unitName}
	}
	return nil
}

// Waits says whether the init, when it halts, gives a service time to end.
// Busybox's asks all processes, and kills them a second later.
func (i Init) Waits() bool { return i != Busybox }

// Host is what makes one clone of a base differ from the next.
type Host struct {
	Name string // the host name

	// Static says that liblxc sets the address, so that the container must
	// not ask for another; else it asks by DHCP.
	Static bool

	// Address is what the container gives its interface itself, with the prefix of its
	// network, and Gateway its default route, where liblxc cannot; then Static is not
	// said.
	Address netip.Prefix
	Gateway netip.Addr

	// Nameserver is what the container asks for names; the zero Addr leaves
	// what the base or DHCP says.
	Nameserver netip.Addr
}

// Identity gives the files that make a clone of a base a host of its own. They
// are put in before it starts (Root.WriteFiles).
func Identity(i Init, h Host) []File {
	files := []File{
		text("/etc/hostname", h.Name+"\n"),
		text("/etc/network/interfaces", interfaces(i, h)),
	}
	if h.Nameserver.IsValid() {
		files = append(files, text("/etc/resolv.conf", "nameserver "+h.Nameserver.String()+"\n"))
	}
	switch i {
	case Systemd:
		files = append(files, systemdIdentity(h)...)
	case Busybox:
		files = append(files, busyboxBoot(h))
	}
	return files
}

// interfaces(5), for the inits that use ifupdown. Under systemd its part is
// networkd's, and two clients for one interface would get two addresses.
func interfaces(i Init, h Host) string {
	lo := "auto lo\niface lo inet loopback\n"
	switch {
	case h.Static || i != Upstart:
		return lo
	case h.Address.IsValid():
		return lo + fmt.Sprintf("auto eth0\niface eth0 inet static\naddress %s\ngateway %s\n", h.Address, h.Gateway)
	}
	return lo + "auto eth0\niface eth0 inet dhcp\n"
}

// setAddress are commands that give the interface its address and route.
func (h Host) setAddress() string {
	commands := fmt.Sprintf("ip link set lo up\nip address add %s dev eth0\nip link set eth0 up\n", h.Address)
	if h.Gateway.IsValid() {
		commands += fmt.Sprintf("ip route add default via %s\n", h.Gateway)
	}
	return commands
}

func text(name, content string) File {
	return File{Name: name, Mode: 0o644, Data: []byte(content)}
}

func script(name, content string) File {
	return File{Name: name, Mode: 0o755, Data: []byte("#!/bin/sh\n" + content)}
}
