package render

import (
	"fmt"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// Title says in a few words how all services are doing: what is worst first,
// then what is under way.
func Title(s control.Status) string {
	in := map[string][]string{}
	for _, service := range s.Services {
		state := service.State
		if state == string(deployer.Building) {
			state = string(deployer.Deploying)
		}
		in[state] = append(in[state], service.Service)
	}
	text := ""
	for _, state := range []string{
		"down", string(deployer.Broken), string(deployer.Refused),
		string(deployer.Deploying), string(deployer.Waiting), string(deployer.Paused), string(deployer.Pinned), "diverted",
	} {
		if names := in[state]; len(names) == 1 {
			text = names[0] + " " + state
		} else if len(names) > 1 {
			text = fmt.Sprintf("%d %s", len(names), state)
		}
		if text != "" {
			break
		}
	}
	if all, live := len(s.Services), len(in["live"]); text == "" && live == all {
		text = fmt.Sprintf("all %d live", all)
	} else if text == "" {
		text = fmt.Sprintf("%d of %d live", live, all)
	}
	if s.Degraded != "" {
		text += ", degraded"
	}
	return text
}
