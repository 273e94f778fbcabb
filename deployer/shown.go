package deployer

import "slices"

// publish makes the state what others see.
func (l *loop) publish() {
	s := &Status{
		Service: l.name, State: "none", Restarts: l.restarted, Last: l.last,
		Standby: l.standby.Name(), Failed: l.failed.Name(),
	}
	for name := range l.draining {
		s.Draining = append(s.Draining, name)
	}
	slices.Sort(s.Draining)
	for name, r := range l.removals {
		if r.reason != "" {
			if s.Left == nil {
				s.Left = map[string]string{}
			}
			s.Left[name] = r.reason
		}
	}
	if g := l.live; g != nil {
		s.State, s.Generation, s.Set, s.Since, s.Address = "live", g.Name(), g.Set, g.Since, g.at()
		s.Start = g.Start.shown()
		if g.Port == 0 {
			s.Address = "" // nobody is to go there
		}
		if l.down != nil {
			s.State, s.Down = "down", oneLine(l.down)
		}
	}
	newest := l.newest
	if w := l.withheld(); w.State != "" && l.attempt == nil {
		newest = w
	}
	if newest.State != "" {
		s.Newest = newest
	}
	if l.attempt != nil {
		s.Deploy = l.attempt.shown
	}
	s.Generations = l.exist()
	switch {
	case len(l.waitsFor) > 0:
		s.State, s.WaitsFor = string(Waiting), l.waitsFor
	case l.attempt != nil:
		s.State = string(Deploying)
	case newest.State != "" && s.State != "down":
		s.State = string(newest.State)
	}
	if to := l.page.Divert; to.IsValid() {
		s.State, s.Diverted = "diverted", to.String()
	}
	l.shown.Store(s)
}

// withheld says whether the newest on disk is not to be deployed, since it is
// refused or a person has decided so; no state if not.
func (l *loop) withheld() Newest {
	name, pin := l.name, l.page.Pin
	switch {
	case l.service.Unready != "":
		return Newest{Set: l.seen.ID, State: Refused, Reason: l.service.Unready}
	case l.refused != "" && l.missing:
		return Newest{State: Missing, Reason: l.refused}
	case l.refused != "":
		return Newest{State: Refused, Reason: l.refused}
	case l.page.Paused:
		return Newest{Set: l.seen.ID, State: Paused, Reason: "jarloop resume " + name + " goes on"}
	case pin != nil && (pin.Over == l.seen.ID || l.seen.ID == ""): // nothing has been seen yet
		return Newest{Set: pin.Over, State: Pinned, Reason: "rolled back to " + short(pin.Set) + " until new bytes come"}
	}
	return Newest{}
}

// short is enough of a set's ID for a person.
func short(id string) string { return id[:min(8, len(id))] }
