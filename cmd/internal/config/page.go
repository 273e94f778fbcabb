package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// PageOff is the address of a page that there is none.
const PageOff = "off"

// Page says where the page is that shows the system in a browser.
type Page struct {
	// The address that the page is served on, or off. With its token, which jarloop page
	// prints, it can do what root can: one that others than this machine reach is for
	// networks that you trust.
	Listen string
}

func (p *Page) keys() []key {
	return []key{{name: "listen", to: &p.Listen, preset: `"127.0.0.1:8079"`, wrong: badListen, change: live}}
}

// Address is where the page listens; not valid: it is off.
func (p Page) Address() netip.AddrPort {
	at, _ := netip.ParseAddrPort(p.Listen)
	return at
}

func badListen(text string) string {
	if text == PageOff {
		return ""
	}
	host, port, err := net.SplitHostPort(text)
	number, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || number == 0 {
		return fmt.Sprintf(`%q is not an address and a port; write it like "127.0.0.1:8079", or "off"`, text)
	}
	if addr, err := netip.ParseAddr(host); err != nil || addr.Zone() != "" || addr.IsMulticast() {
		return fmt.Sprintf(`%q is no address of this machine; write it like "127.0.0.1:8079", or "off"`, host)
	}
	return ""
}

// checkPage finds published ports that would take the page's requests.
func (c *Config) checkPage(r *report, root *node) {
	at := c.Page.Address()
	n := root.at("page").at("listen")
	if !at.IsValid() || at.Addr().IsLoopback() || !n.given || n.known() {
		return
	}
	for i, p := range c.Publishes {
		if p.Port == int(at.Port()) {
			r.add(n, "%d is published on line %d, for %q; choose another port", p.Port, r.line(root.at("publish").items[i]), p.Service)
		}
	}
}
