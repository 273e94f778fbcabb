package incus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// A member opens ports by an instance of its own, OWNER-MEMBER-proxy, since Incus has no
// proxy without one.
//
//	port of the member ─ proxy device ─▶ the instance's network ─▶ port of the agent's machine
//
// Nothing is in it but the program for guests, which is its init, gives it its address and
// idles. What is published on the agent's machine never changes its port, so neither does a
// device: a switch is there alone. Its name does not end in a number, as that of an
// instance of a service does.

const (
	keyProxyAddress = "environment." + inside.Address
	proxyPrefix     = "jarloop-" // of the names of devices
)

var _ deployer.PortOpener = (*Engine)(nil)

// proxyName is the name of the instance by which a member opens ports.
func (e *Engine) proxyName(member string) string {
	if full := e.full(member + "-proxy"); hostName.MatchString(full) {
		return full
	}
	sum := sha256.Sum256([]byte(member))
	return e.full(hex.EncodeToString(sum[:8]) + "-proxy")
}

// proxyLease is what the pool calls the owner of its address: no service or instance.
func proxyLease(member string) string { return "the proxy of " + member }

// proxies gives those that there are, by member.
func (e *Engine) proxies(ctx context.Context) (map[string]api.Instance, error) {
	all, err := e.members.instances(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]api.Instance{}
	for _, i := range all {
		// Of one on a member that is away Incus says no more than its name.
		if i.Name == e.proxyName(i.Location) && (i.Config[keyOwner] == e.Owner && i.Config[keyProxy] != "" || i.Status == "Error") {
			found[i.Location] = i
		}
	}
	return found, nil
}

// HoldPorts holds the addresses of proxies.
func (e *Engine) HoldPorts(ctx context.Context, pool deployer.Pool) error {
	found, err := e.proxies(ctx)
	for member, i := range found {
		_ = holdProxy(pool, member, i) // one that cannot be held is made anew
	}
	return err
}

func holdProxy(pool deployer.Pool, member string, i api.Instance) error {
	own, err := netip.ParsePrefix(i.Config[keyProxyAddress])
	if err != nil {
		return err
	}
	return pool.Hold(proxyLease(member), own.Addr())
}

// OpenPorts makes every member open these ports, each for itself.
func (e *Engine) OpenPorts(ctx context.Context, pool deployer.Pool, ports []deployer.MemberPort) ([]deployer.Opened, error) {
	found, err := e.proxies(ctx)
	if err != nil {
		return nil, err
	}
	if len(ports) == 0 {
		_, err := e.removeProxies(ctx, found, pool)
		return nil, err
	}
	members, err := e.Client.Members(ctx)
	if api.IsForbidden(err) { // not as one that is away: that would be over by itself
		err = fmt.Errorf("this certificate may not look at members: incus config trust show, on a member: %s", err.Error())
	}
	if err != nil {
		return nil, err
	}
	opened := make([][]deployer.Opened, len(members))
	var group sync.WaitGroup
	for n, m := range members {
		group.Go(func() { opened[n] = e.openOn(ctx, m, found[m.Name], pool, ports) })
	}
	group.Wait()
	return slices.Concat(opened...), context.Cause(ctx)
}

// openOn makes one member open them. i is its proxy, without a name where there is none.
func (e *Engine) openOn(ctx context.Context, m api.Member, i api.Instance, pool deployer.Pool, ports []deployer.MemberPort) []deployer.Opened {
	name := e.proxyName(m.Name)
	e.members.saw(api.Instance{Name: name, Location: m.Name})
	ctx, cancel := e.members.on(ctx, about{name: name, full: name}, hangs)
	defer cancel()
	wanted, opened := api.Devices{}, make([]deployer.Opened, len(ports))
	for n, p := range ports {
		wanted[deviceOf(p)] = e.proxyDevice(m, p)
		opened[n] = deployer.Opened{MemberPort: p, Member: m.Name}
	}
	i, err := e.proxyOn(ctx, m, i, pool, wanted)
	for n, p := range ports {
		device := deviceOf(p)
		wrong := err
		if wrong == nil && !maps.Equal(i.Devices[device], wanted[device]) {
			wrong = e.setProxy(ctx, name, device, wanted[device])
		}
		if wrong != nil {
			opened[n].Wrong = e.whyClosed(wrong)
		}
	}
	return opened
}

// setProxy adds a device or replaces it. Others of the instance stay as they are, and so do
// connections by them.
func (e *Engine) setProxy(ctx context.Context, name, device string, is map[string]string) error {
	defer crash.Point("open port")()
	return e.Client.SetDevices(ctx, name, api.Devices{device: is})
}

// proxyOn gives the proxy of a member, running, with no device that is not wanted.
func (e *Engine) proxyOn(ctx context.Context, m api.Member, i api.Instance, pool deployer.Pool, wanted api.Devices) (api.Instance, error) {
	if m.Status == api.Offline || i.Status == "Error" {
		return i, errors.New("the member is away; it is opened when that is back")
	}
	if i.Name != "" && (half(i) || holdProxy(pool, m.Name, i) != nil) {
		if err := e.removeProxy(ctx, i, pool); err != nil {
			return i, err
		}
		i = api.Instance{}
	}
	if i.Name == "" {
		var err error
		if i, err = e.makeProxy(ctx, m.Name, pool); err != nil {
			return i, err
		}
	}
	var unwanted []string
	for device := range i.Devices {
		if strings.HasPrefix(device, proxyPrefix) && wanted[device] == nil {
			unwanted = append(unwanted, device)
		}
	}
	if err := e.closeProxies(ctx, i, unwanted); err != nil || i.Running() {
		return i, err
	}
	err := e.Client.SetState(ctx, i.Name, "start", false, 0)
	if had := slices.Collect(maps.Keys(i.Devices)); err != nil && len(had) > 0 && context.Cause(ctx) == nil {
		// One port that another has by now keeps the instance from starting.
		if err = e.closeProxies(ctx, i, had); err == nil {
			err = e.Client.SetState(ctx, i.Name, "start", false, 0)
		}
	}
	return i, err
}

func (e *Engine) closeProxies(ctx context.Context, i api.Instance, devices []string) error {
	if len(devices) == 0 {
		return nil
	}
	for _, device := range devices {
		delete(i.Devices, device)
	}
	return e.Client.RemoveDevices(ctx, i.Name, devices...)
}

// makeProxy makes the proxy of a member, stopped.
func (e *Engine) makeProxy(ctx context.Context, member string, pool deployer.Pool) (i api.Instance, err error) {
	defer crash.Point("make proxy")()
	own, err := pool.Lease(ctx, proxyLease(member))
	if err != nil {
		return i, err
	}
	i = api.Instance{Name: e.proxyName(member), Location: member, Status: "Stopped"}
	err = e.Client.CreateEmpty(ctx, i.Name, member, map[string]string{
		keyOwner: e.Owner, keyProxy: "true", keyState: making, keyProxyAddress: own.String(), "boot.autostart": "true",
	})
	if err != nil {
		pool.Release(proxyLease(member))
		if api.IsTaken(err) {
			err = fmt.Errorf("%s is there, and none of this agent's: rename or remove it: %w", i.Name, err)
		}
		return i, err
	}
	files := []guest.File{{Name: "/sbin/init", Mode: 0o755, Data: e.program.text}}
	for _, folder := range []string{"/dev", "/proc", "/sys"} { // where LXC mounts
		files = append(files, guest.File{Name: folder, Mode: fs.ModeDir | 0o755})
	}
	if err := e.writeStopped(ctx, i.Name, files); err != nil {
		return i, err
	}
	return i, e.Client.SetConfig(ctx, i.Name, "", map[string]string{keyState: whole})
}

// ClosePorts removes all proxies.
func (e *Engine) ClosePorts(ctx context.Context) (removed []string, err error) {
	found, err := e.proxies(ctx)
	if err != nil {
		return nil, err
	}
	return e.removeProxies(ctx, found, nil)
}

// removeProxies goes on where one of them cannot be removed.
func (e *Engine) removeProxies(ctx context.Context, found map[string]api.Instance, pool deployer.Pool) (removed []string, errs error) {
	for _, member := range slices.Sorted(maps.Keys(found)) {
		if err := e.removeProxy(ctx, found[member], pool); err != nil {
			errs = errors.Join(errs, fmt.Errorf("remove %s: %w", found[member].Name, err))
			continue
		}
		removed = append(removed, found[member].Name)
	}
	return removed, errs
}

func (e *Engine) removeProxy(ctx context.Context, i api.Instance, pool deployer.Pool) error {
	if i.Status == "Error" {
		return fmt.Errorf("its member %s is away: it is removed when that is back", i.Location)
	}
	defer crash.Point("remove proxy")()
	ctx, cancel := e.members.on(ctx, about{name: i.Name, full: i.Name}, hangs)
	defer cancel()
	if i.Running() {
		if err := e.Client.SetState(ctx, i.Name, "stop", true, 0); err != nil && !api.IsNotFound(err) {
			return err
		}
	}
	if err := e.Client.DeleteInstance(ctx, i.Name); err != nil && !api.IsNotFound(err) {
		return err
	}
	if pool != nil {
		pool.Release(proxyLease(i.Location))
	}
	return nil
}

func deviceOf(p deployer.MemberPort) string {
	return proxyPrefix + p.Protocol + "-" + strconv.Itoa(int(p.Port))
}

// proxyDevice opens a port at the address by which the cluster knows the member.
func (e *Engine) proxyDevice(m api.Member, p deployer.MemberPort) map[string]string {
	at := "0.0.0.0"
	if u, err := url.Parse(m.URL); err == nil && net.ParseIP(u.Hostname()) != nil {
		at = u.Hostname()
	}
	end := func(address string, port uint16) string {
		return p.Protocol + ":" + net.JoinHostPort(address, strconv.Itoa(int(port)))
	}
	return map[string]string{"type": "proxy", "bind": "host", "listen": end(at, p.Port), "connect": end(e.Gateway.String(), p.To)}
}

// whyClosed says for people why a port is not open, and what helps.
func (e *Engine) whyClosed(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "address already in use"):
		return "somebody has it there: choose another one for publish.members, or free it (ss -lnp on that member)"
	case strings.Contains(text, "roxy devices are forbidden"):
		return fmt.Sprintf("the project %s forbids it: on a member, incus project set %[1]s restricted.devices.proxy=allow", e.Client.Project())
	default:
		return text
	}
}
