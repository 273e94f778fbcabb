package network

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// A packet from 127.0.0.1 leaves by the bridge only with the sysctl
// route_localnet of that bridge (Documentation/networking/ip-sysctl.rst). What
// it was before is kept in the comment of the rule that needs it, so that
// whoever removes the rule knows it, also after a crash or an upgrade.
const localnetNote = "route_localnet of "

func noteLocalnet(bridge, before string) string { return localnetNote + bridge + " was " + before }

// localnets gives, by bridge, the earlier values that the rules remember.
func localnets(have tables) map[string]string {
	before := map[string]string{}
	for _, r := range have["nat"].in(ownChain + "-POST") {
		note, marked := strings.CutPrefix(r.comment(), "jarloop: "+localnetNote)
		if bridge, value, ok := strings.Cut(note, " was "); marked && ok && isInterface(bridge) && (value == "0" || value == "1") {
			before[bridge] = value
		}
	}
	return before
}

func localnetOf(bridge string) string { return "ipv4/conf/" + bridge + "/route_localnet" }

// restore sets route_localnet back to what the rules say it was, on all
// bridges but one. A bridge that is gone has none.
func restore(h host, before map[string]string, but string) (changed bool, err error) {
	for _, bridge := range slices.Sorted(maps.Keys(before)) {
		if bridge == but {
			continue
		}
		now, err := h.sysctl(localnetOf(bridge))
		if errors.Is(err, fs.ErrNotExist) || err == nil && now == before[bridge] {
			continue
		}
		if err == nil {
			err = h.setSysctl(localnetOf(bridge), before[bridge])
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// ensure makes a sysctl 1 and says whether it was not.
func ensure(h host, name string) (changed bool, err error) {
	value, err := h.sysctl(name)
	if err != nil || value != "0" {
		return false, err
	}
	return true, h.setSysctl(name, "1")
}

// localnetNow reads route_localnet of the bridge, and so whether there is such
// a bridge.
func localnetNow(h host, bridge string) (string, error) {
	value, err := h.sysctl(localnetOf(bridge))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look for bridge %s (%s): %w", bridge, bridgeRemedy, err)
	}
	return value, err
}
