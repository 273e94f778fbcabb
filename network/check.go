package network

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// checkRoutes finds what no rule can be made of.
func checkRoutes(bridge string, subnet netip.Prefix, r deployer.Routes) error {
	if !needsRules(r) {
		return nil
	}
	if err := checkBridge(bridge, subnet); err != nil {
		return err
	}
	return errors.Join(checkPublish(r.Publish), checkTargets(r), checkVIPs(subnet, r))
}

// checkBridge finds what no rule about a bridge can be made of.
func checkBridge(bridge string, subnet netip.Prefix) error {
	if !isInterface(bridge) || !subnet.IsValid() || !subnet.Addr().Is4() {
		return fmt.Errorf("route to containers of bridge %q with subnet %s: not a bridge with an IPv4 subnet", bridge, subnet)
	}
	return nil
}

func checkPublish(publish []deployer.Publish) error {
	ports := map[string]deployer.Publish{} // by chain
	for _, p := range publish {
		reason := ""
		first, twice := ports[portChain(p)]
		switch {
		case !isInterface(p.Interface):
			reason = fmt.Sprintf("%q is no name of an interface", p.Interface)
		case p.Port == 0:
			reason = "there is no port 0"
		case p.Protocol != deployer.TCP && p.Protocol != deployer.UDP:
			reason = fmt.Sprintf("%q is no protocol with ports", p.Protocol)
		case !isLabel(p.Service):
			reason = "that is no name of a service"
		case twice && (first.Service != p.Service || first.To != p.To):
			reason = fmt.Sprintf("it is published as %q already", first.Service)
		}
		if reason != "" {
			return fmt.Errorf("publish port %d of %q as %q: %s", p.Port, p.Interface, p.Service, reason)
		}
		ports[portChain(p)] = p
	}
	return nil
}

// checkTargets finds targets that nothing can be sent to, of services that have
// a port or a virtual IP.
func checkTargets(r deployer.Routes) error {
	var errs []error
	for _, service := range slices.Sorted(maps.Keys(r.Targets)) {
		t := r.Targets[service]
		if uses(r, service) && (!t.Addr().Is4() || t.Addr().IsUnspecified()) {
			errs = append(errs, fmt.Errorf("route to %s at %s: not an IPv4 address", service, t))
		}
	}
	for _, service := range slices.Sorted(maps.Keys(r.Held)) {
		if t := r.Held[service]; !isLabel(service) || !t.Addr().Is4() || t.Addr().IsUnspecified() || t.Port() == 0 {
			errs = append(errs, fmt.Errorf("hold connections to %q at %s: not a service at an IPv4 address and a port", service, t))
		}
	}
	return errors.Join(errs...)
}

// checkVIPs finds virtual IPs that the bridge cannot have.
func checkVIPs(subnet netip.Prefix, r deployer.Routes) error {
	taken := map[netip.Addr]string{}
	for service, t := range r.Targets {
		taken[t.Addr()] = "the live generation of " + service
	}
	var errs []error
	for _, service := range slices.Sorted(maps.Keys(r.VIPs)) {
		addr := r.VIPs[service]
		owner, twice := taken[addr]
		reason := ""
		switch {
		case !isLabel(service):
			reason = "that is no name of a service"
		case !subnet.Contains(addr) || addr == subnet.Masked().Addr() || addr == broadcast(subnet):
			reason = fmt.Sprintf("not an address of the bridge's subnet %s", subnet.Masked())
		case twice:
			reason = owner + " has it"
		}
		if reason != "" {
			errs = append(errs, fmt.Errorf("give %q the virtual IP %s: %s", service, addr, reason))
		}
		taken[addr] = service
	}
	return errors.Join(errs...)
}

// isInterface says whether s can be the name of an interface (dev_valid_name
// in the kernel) and nothing that iptables or /proc/sys would read otherwise.
func isInterface(s string) bool {
	return s != "" && len(s) <= 15 && s != "." && s != ".." && s != "all" && s != "default" && s[0] != '-' && s[0] != '!' &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '/' || r == ':' || r == '+' || r > '~' })
}

// isLabel says whether s is one label of a host name (RFC 1123, section 2.1).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
