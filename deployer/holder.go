package deployer

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Holder keeps connections to a service waiting while nothing of it runs, so that
// none is refused. It is the door to what accepts them meanwhile, which outlives
// the agent; package network/relay implements it for this machine.
//
// All methods may be called from several goroutines, for one service by one.
type Holder interface {
	// Hold begins to accept connections to a service, at an address that is given;
	// routes have to lead there. What their clients send is kept. Whatever an
	// earlier agent held of the service has been ended.
	Hold(ctx context.Context, h Hold) (netip.AddrPort, error)
	// Release passes all that is held, and what still comes, on to an address with
	// the service's own port, and says what was held. The zero address: nothing
	// comes any more that could answer, and those who wait are told.
	Release(ctx context.Context, service string, to netip.AddrPort) (Held, error)
	// End accepts no connection any more, when routes lead there no longer. What
	// was passed on goes on. Nothing held is no error.
	End(ctx context.Context, service string) error
	// Holding gives what is held, whoever began it, by service.
	Holding(ctx context.Context) (map[string]Held, error)
}

// Hold says what is held.
type Hold struct {
	Service string
	// VIP is the service's virtual IP, whose ports are those of the service;
	// invalid: it has none.
	VIP netip.Addr
	// Published are ports of the machine that lead to another port of the service
	// than its own, with that.
	Published map[uint16]uint16
	// Limit is how long a connection waits at most. Then it gets an answer that
	// says so, or is cut off.
	Limit time.Duration
}

// Held is what was held of a service.
type Held struct {
	Address     netip.AddrPort // where connections are accepted
	Connections int            // that waited, or do
	Longest     time.Duration  // that one of them did
	Refused     int            // that were too many, or waited too long
}

// addTo adds to a reason what had to wait, in one line.
func (h Held) addTo(reason string) string {
	parts := []string{reason}
	switch {
	case h.Connections == 1:
		parts = append(parts, fmt.Sprintf("a connection waited %.2f s", h.Longest.Seconds()))
	case h.Connections > 1:
		parts = append(parts, fmt.Sprintf("%d connections waited, at most %.2f s", h.Connections, h.Longest.Seconds()))
	}
	if h.Refused > 0 {
		parts = append(parts, fmt.Sprintf("%d could not wait any longer", h.Refused))
	}
	return strings.TrimPrefix(strings.Join(parts, "; "), "; ")
}
