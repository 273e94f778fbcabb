package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// live waits until a deploy of the service that has ended after a moment is live, and
// says how it went; any other end is an error. One that a newer one has taken the place
// of is none.
func (r *rig) live(ctx context.Context, service string, after time.Time) (last deployer.Last, err error) {
	var failed error
	err = r.eventually(ctx, service+" is live again", func(s control.Status) bool {
		for _, one := range s.Services {
			if one.Service != service {
				continue
			}
			found := false
			if last, found = wentLive(one, after); found {
				return true
			}
			failed = notLive(one)
		}
		return failed != nil
	})
	if err == nil {
		err = failed
	}
	return last, err
}

// wentLive gives the last deploy of a service if it ended after a moment, and is live.
func wentLive(s deployer.Status, after time.Time) (deployer.Last, bool) {
	if s.Last == nil || !s.Last.Ended.After(after) || s.Last.Error != "" || s.Last.Generation != s.Generation {
		return deployer.Last{}, false
	}
	return *s.Last, true
}

// notLive says why the newest artefacts of a service do not go live.
func notLive(s deployer.Status) error {
	switch s.Newest.State {
	case deployer.Broken, deployer.Refused, deployer.Missing:
		return fmt.Errorf("%s is not live: %s: %s", s.Service, s.Newest.State, s.Newest.Reason)
	}
	return nil
}
