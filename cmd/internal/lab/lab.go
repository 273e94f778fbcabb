// Package lab stands a laptop and a VM up on one machine, for tests and
// benchmarks of the real thing: real containers, real rules, a real share.
//
//	namespace laptop            namespace vm, with a mount namespace of its own
//	┌───────────────┐           ┌────────────────────────────────────────────┐
//	│ eth0 10.0.4.1 │── veth ───│ eth0 10.0.4.2        lxcbr0 10.0.3.1 ── veth ── containers
//	└───────────────┘           │ /sys of this network, cgroups of the machine│
//	<dir>/share ── bindfs ──────│▶ <dir>/host                                 │
//	                            └────────────────────────────────────────────┘
//
// Nothing of it touches the machine's own interfaces, rules or containers. It
// needs root, and one lab stands on a machine at a time, because LXC's path
// with the bases outlives it.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cache is where bases are kept between runs.
const cache = "/var/cache/jarloop/lab"

// Address is the VM's, as the laptop sees it.
const Address = "10.0.4.2"

// laptop is the laptop's address, by which the VM's default route goes.
const laptop = "10.0.4.1"

// Lab is a laptop and a VM.
type Lab struct {
	Dir   string // of this lab alone, removed by Close
	LXC   string // lxc.path, which is kept
	Share string // the laptop's side of the shared folder
	Host  string // the VM's side

	lock   *os.File
	laptop *namespace
	vm     *namespace
}

// New stands up a lab. With bindfs the VM's side of the shared folder is a
// mount whose changes inotify cannot see, else it is the same folder.
func New(ctx context.Context, bindfs bool) (l *Lab, err error) {
	l = &Lab{LXC: filepath.Join(cache, "lxc")}
	if err := os.MkdirAll(l.LXC, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	// Whoever waits stands first in a queue, so that tests of one package, which
	// stand up one lab after the other, do not keep out those of another.
	queue, err := lock(ctx, filepath.Join(cache, "queue"))
	if err != nil {
		return l, err
	}
	l.lock, err = lock(ctx, filepath.Join(cache, "lock"))
	queue.Close()
	if err != nil {
		return l, err
	}
	if err := l.sweep(ctx); err != nil {
		return l, err
	}
	// In /tmp, whatever TMPDIR says: the path of a socket is short, and the root of
	// unprivileged containers has to come to it.
	if l.Dir, err = os.MkdirTemp("/tmp", "jarloop-lab-"); err != nil {
		return l, err
	}
	l.Share = filepath.Join(l.Dir, "share")
	l.Host = l.Share
	if err := os.Mkdir(l.Share, 0o755); err != nil {
		return l, err
	}
	if l.vm, err = hold(ctx, vmScript); err != nil {
		return l, err
	}
	if l.laptop, err = hold(ctx, `ip link set lo up`); err != nil {
		return l, err
	}
	steps := [][]string{
		{"ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(l.laptop.pid())},
		{"ip", "addr", "add", Address + "/24", "dev", "eth0"},
		{"ip", "link", "set", "eth0", "up"},
		{"ip", "route", "add", "default", "via", laptop},
	}
	if bindfs {
		l.Host = filepath.Join(l.Dir, "host")
		if err := os.Mkdir(l.Host, 0o755); err != nil {
			return l, err
		}
		steps = append(steps, []string{"bindfs", l.Share, l.Host})
	}
	for _, argv := range steps {
		if out, err := l.VM(ctx, argv...).CombinedOutput(); err != nil {
			return l, fmt.Errorf("%q: %w: %s", argv, err, out)
		}
	}
	for _, argv := range [][]string{
		{"ip", "addr", "add", laptop + "/24", "dev", "eth0"}, {"ip", "link", "set", "eth0", "up"},
		// What is sent on to the world is refused at once.
		{"ip", "route", "add", "unreachable", "default"}, {"sysctl", "-qw", "net.ipv4.ip_forward=1"},
	} {
		if out, err := l.laptop.command(ctx, argv...).CombinedOutput(); err != nil {
			return l, fmt.Errorf("%q: %w: %s", argv, err, out)
		}
	}
	return l, nil
}

// vmScript sets up the VM's namespaces from inside. liblxc looks for the
// bridge in /sys, which shows the network namespace that it was mounted in;
// the cgroups below it must be seen all the same. What this machine says of a
// bridge of its own, and which addresses it leases there, is not the VM's.
const vmScript = `
mount -t tmpfs tmpfs /var/lib/misc
[ ! -e /etc/default/lxc-net ] || mount --bind /dev/null /etc/default/lxc-net
ip link set lo up
cgroups=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$cgroups"
mount -t sysfs sysfs /sys
mount --rbind "$cgroups" /sys/fs/cgroup
umount -l "$cgroups"
rmdir "$cgroups"
ip link add lxcbr0 type bridge
ip addr add 10.0.3.1/24 dev lxcbr0
ip link set lxcbr0 up
`

// VM makes a command that runs on the VM.
func (l *Lab) VM(ctx context.Context, argv ...string) *exec.Cmd {
	return l.vm.command(ctx, argv...)
}

// Laptop makes a command that runs on the laptop.
func (l *Lab) Laptop(ctx context.Context, argv ...string) *exec.Cmd {
	return l.laptop.command(ctx, argv...)
}

// Enter is what to put before a command for a shell to run it on the laptop.
func (l *Lab) Enter() string {
	return strings.Join(l.laptop.command(context.Background()).Args, " ")
}

// Client gives an HTTP client on the laptop, which opens a connection for
// each request, or keeps them if keepAlive is set.
func (l *Lab) Client(keepAlive bool) *http.Client { return l.laptop.client(keepAlive) }

// Local is Client on the VM itself.
func (l *Lab) Local(keepAlive bool) *http.Client { return l.vm.client(keepAlive) }

func (n *namespace) client(keepAlive bool) *http.Client {
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{DialContext: n.dial, DisableKeepAlives: !keepAlive, MaxIdleConnsPerHost: 64},
	}
}

// Close takes the lab down: what runs in its containers, its namespaces with
// everything in them, and its folder.
func (l *Lab) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs error
	if l.lock != nil {
		errs = errors.Join(errs, l.sweep(ctx))
	}
	for _, n := range []*namespace{l.vm, l.laptop} {
		if n != nil {
			errs = errors.Join(errs, n.close())
		}
	}
	if l.Dir != "" {
		errs = errors.Join(errs, os.RemoveAll(l.Dir))
	}
	if l.lock != nil {
		errs = errors.Join(errs, l.lock.Close())
	}
	return errs
}

// lock waits for the lab's turn on this machine.
func lock(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another lab stands on this machine: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
