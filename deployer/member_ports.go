package deployer

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// MemberPort is a port of each machine of an engine that leads to one of the agent's own.
type MemberPort struct {
	Port     uint16 `json:"port"`
	Protocol string `json:"protocol"` // TCP or UDP
	To       uint16 `json:"to"`       // which is published
}

// Opened is such a port of one machine.
type Opened struct {
	MemberPort
	Member string `json:"member"`
	// Wrong says why it is not open, with the remedy.
	Wrong string `json:"wrong,omitempty"`
}

// PortOpener is an engine whose machines can open ports. They stay open without the agent.
type PortOpener interface {
	// HoldPorts holds the addresses that open ports have taken from the pool, before any
	// is given away.
	HoldPorts(ctx context.Context, pool Pool) error
	// OpenPorts makes every machine open these ports, and no others of this agent's. What is
	// as it should be is not touched. One call is made at a time.
	OpenPorts(ctx context.Context, pool Pool, ports []MemberPort) ([]Opened, error)
	// ClosePorts closes all, and names the instances that it has removed for that.
	ClosePorts(ctx context.Context) (removed []string, err error)
}

// OpenedTexts say for people where ports are open, a line for each, and where they are not
// and why.
func OpenedTexts(all []Opened) (open, closed []string) {
	type same struct {
		MemberPort
		wrong string
	}
	on := map[same][]string{}
	var order []same
	for _, o := range all {
		key := same{o.MemberPort, o.Wrong}
		if on[key] == nil {
			order = append(order, key)
		}
		on[key] = append(on[key], o.Member)
	}
	for _, key := range order {
		slices.Sort(on[key])
		port, members := fmt.Sprintf("port %d (%s)", key.Port, key.Protocol), strings.Join(on[key], ", ")
		if key.wrong == "" {
			open = append(open, fmt.Sprintf("%s is open on %s", port, members))
		} else {
			closed = append(closed, fmt.Sprintf("%s is not open on %s: %s", port, members, key.wrong))
		}
	}
	return open, closed
}
