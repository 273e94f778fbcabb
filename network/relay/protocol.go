package relay

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// order is what a relay is told at its start, in one JSON value on its standard
// input.
type order struct {
	deployer.Hold
	Socket string     // for control
	Listen netip.Addr // where connections are accepted
}

// port gives the port of the service, whose own is given, that was meant by who
// connected to an address of the machine.
func (o order) port(meant netip.AddrPort, own uint16) uint16 {
	if o.VIP.IsValid() && meant.Addr() == o.VIP {
		return meant.Port()
	}
	if to := o.Published[meant.Port()]; to != 0 {
		return to
	}
	return own
}

// request is what an agent asks of a relay, and answer what it says; one of each
// on a connection.
type request struct {
	Op op
	To netip.AddrPort `json:",omitzero"`
}

type op string

const (
	opStatus  op = "status"
	opRelease op = "release"
	opEnd     op = "end"
)

type answer struct {
	Error string `json:",omitempty"`
	PID   int    // of its process
	Held  deployer.Held
}

// bounds are what a relay takes at most.
type bounds struct {
	connections int           // that wait at the same time
	bytes       int           // that each of them sends; more stays with the client
	peek        time.Duration // to find out what one that is refused speaks
	afterEnd    time.Duration // that is accepted still, since routes have just moved
	forgotten   time.Duration // after the limit, until a relay that nobody ends does so itself
}

var usual = bounds{
	connections: 1000, bytes: 64 << 10, peek: time.Second, afterEnd: 2 * time.Second, forgotten: time.Minute,
}

// refusal is the answer to a request that cannot wait any longer.
func refusal(service string) string {
	text := service + " is being replaced, and took too long or has too many waiting: try again\n"
	return fmt.Sprintf("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}
