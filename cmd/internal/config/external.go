package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// External is a name that leads out of the containers.
type External struct {
	Name string

	// Where it leads: HOST:PORT. The host is an IPv4 address, or a name that this machine
	// looks up, and looks up again every minute.
	Address string
}

func (e *External) keys() []key {
	return []key{
		{name: "address", to: &e.Address, like: `"10.0.2.2:9000"`, required: "where the name leads", wrong: WrongAddress, change: live},
	}
}

// At gives where the name leads. addr is not valid where the host is a name.
func (e *External) At() (host string, addr netip.AddrPort) {
	host, port, _ := net.SplitHostPort(e.Address)
	number, _ := strconv.ParseUint(port, 10, 16)
	ip, _ := netip.ParseAddr(host)
	return host, netip.AddrPortFrom(ip, uint16(number))
}

// What RFC 1123, section 2.1, allows for the name of a host with its domain.
var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?$`)

// WrongAddress says what is wrong with HOST:PORT.
func WrongAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	number, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || number == 0 || host == "" {
		return fmt.Sprintf(`%q is not a host and a port; write it like "10.0.2.2:9000"`, address)
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && !addr.Is4():
		return fmt.Sprintf("%q is no address of IPv4, which is all that containers have here", host)
	case err == nil && (addr.IsUnspecified() || addr.IsMulticast()):
		return fmt.Sprintf("%q is not the address of a machine", host)
	case err != nil && (!hostForm.MatchString(host) || numberForm.MatchString(host[strings.LastIndex(host, ".")+1:])):
		return fmt.Sprintf("%q is neither an address nor the name of a host", host)
	}
	return ""
}
