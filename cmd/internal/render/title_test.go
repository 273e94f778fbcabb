package render

import (
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

func TestTheTitleTellsTheWorstFirst(t *testing.T) {
	for states, want := range map[string]string{
		"live live live":               "all 3 live",
		"live none live":               "2 of 3 live",
		"live deploying live":          "b deploying",
		"building deploying live":      "2 deploying",
		"waiting deploying live":       "b deploying",
		"waiting none live":            "a waiting",
		"live paused live":             "b paused",
		"live pinned paused":           "c paused",
		"live diverted live":           "b diverted",
		"pinned pinned live":           "2 pinned",
		"deploying failed live":        "b failed",
		"failed down refused":          "b down",
		"live refused live":            "b refused",
		"failed failed failed":         "3 failed",
		"live none something-unheard":  "1 of 3 live",
		"live live live degraded":      "all 3 live, degraded",
		"live failed waiting degraded": "b failed, degraded",
	} {
		var s control.Status
		for i, state := range strings.Fields(states) {
			if state == "degraded" {
				s.Degraded = "the share does not answer"
				continue
			}
			s.Services = append(s.Services, deployer.Status{Service: string(rune('a' + i)), State: state})
		}
		if got := Title(s); got != want {
			t.Errorf("%s: %q, want %q", states, got, want)
		}
	}
}
