package deployer

import (
	"fmt"
	"strings"
)

// Plan is what a deploy of one set will do.
type Plan struct {
	// Deploy is false when there is nothing to do.
	Deploy bool
	// Reason says why, in one line.
	Reason string
	// Standby is the waiting generation to deploy into; empty: a new one.
	Standby string
	// Discard is a waiting generation that is no use any more.
	Discard string
	// Replaces is the live generation; empty: there is none.
	Replaces string
}

// planFor decides what to do with the set of that ID. live and standby are
// nil where there is none. With a reason to deploy even what is live already, it
// is never nothing to do.
func planFor(s Service, set string, live, standby *Generation, anyway string) Plan {
	p := Plan{Deploy: true}
	if live != nil {
		p.Replaces = live.Name()
	}
	switch {
	case live == nil:
		p.Reason = "nothing is live"
	case live.Set != set:
		p.Reason = "new artefacts"
	case live.Base != s.Base:
		p.Reason = "new base " + s.Base
	case live.Fingerprint != s.fingerprint():
		p.Reason = "new configuration"
	case anyway != "":
		p.Reason = anyway
	default:
		p.Deploy = false
		p.Reason = "these artefacts are live already"
	}
	if standby != nil {
		if s.suits(standby) {
			p.Standby = standby.Name()
		} else {
			p.Discard = standby.Name()
		}
	}
	return p
}

func (p Plan) String() string {
	if !p.Deploy {
		return "nothing to do: " + p.Reason
	}
	parts := []string{"deploy: " + p.Reason}
	if p.Standby != "" {
		parts = append(parts, "into "+p.Standby)
	} else {
		parts = append(parts, "into a new generation")
	}
	if p.Replaces != "" {
		parts = append(parts, "in place of "+p.Replaces)
	}
	if p.Discard != "" {
		parts = append(parts, fmt.Sprintf("discard %s, which is of an earlier configuration", p.Discard))
	}
	return strings.Join(parts, ", ")
}
