package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/network"
)

func TestWhatKeepsRequestsFromServicesIsSaidOnceAndTried(t *testing.T) {
	var complained, stored []string
	var tried []netip.AddrPort
	web := deployer.Publish{Interface: "eth0", Port: 80, Protocol: "tcp", Service: "web"}
	found := []network.Obstacle{{Found: "chain inet fw f drops", Remedy: "sudo nft"}}
	status := []deployer.Status{{Service: "web", State: "none"}, {Service: "api", State: "live", Generation: "api-1"}}
	failure := errors.New("i/o timeout")
	f := &firewall{
		obstacles: func(context.Context, []deployer.Publish) ([]network.Obstacle, error) { return found, nil },
		reach: func(_ context.Context, to []netip.AddrPort) ([]error, error) {
			tried = append(tried, to...)
			return slices.Repeat([]error{failure}, len(to)), nil
		},
		address: func(name string) netip.Addr {
			if name == "eth0" {
				return netip.MustParseAddr("10.0.2.15")
			}
			return netip.Addr{}
		},
		live: func() []deployer.Status { return status },
		ports: func() []deployer.Publish {
			return []deployer.Publish{web, {Interface: "eth0", Port: 53, Protocol: "udp", Service: "api"}, {Interface: "eth9", Port: 81, Protocol: "tcp", Service: "api"}}
		},
		complain: func(s string) { complained = append(complained, s) },
		store:    func(all []string) { stored = all }, tried: map[string]bool{},
	}
	round := func(want ...string) {
		t.Helper()
		complained, tried = nil, nil
		f.look(t.Context())
		f.try(t.Context())
		if len(complained) != len(want) {
			t.Errorf("complained of %q, want %q", complained, want)
			return
		}
		for i, text := range want {
			if !strings.Contains(complained[i], text) {
				t.Errorf("complained of %q, want %q", complained[i], text)
			}
		}
	}
	round("chain inet fw f drops: sudo nft")
	if len(tried) > 0 || len(stored) != 1 {
		t.Errorf("tried %v of what is not live; in the way is %q", tried, stored)
	}
	status[0] = deployer.Status{Service: "web", State: "live", Generation: "web-1"}
	round("port 80 of eth0 does not lead to web, tried as from outside: i/o timeout; likely because of: chain inet fw f drops: sudo nft")
	if fmt.Sprint(tried) != "[10.0.2.15:80]" {
		t.Errorf("tried %v", tried)
	}
	found = nil
	round() // it is tried once
	if len(stored) > 0 || len(tried) > 0 {
		t.Errorf("in the way is %q, tried %v", stored, tried)
	}
	f.tried, failure = map[string]bool{}, nil
	round() // it is reached
	f.tried, failure = map[string]bool{}, errors.New("refused")
	status[0].Diverted = "10.0.2.2:8085"
	round() // it leads elsewhere
}
