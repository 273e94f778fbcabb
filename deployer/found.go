package deployer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// findGenerations gives every generation that there is any trace of, the
// newest of each service first.
func (d *Deployer) findGenerations(states map[string]int) ([]*Generation, error) {
	files, err := filepath.Glob(d.Machine.Folder("*") + "/" + recordFile)
	if err != nil {
		return nil, err
	}
	var found []*Generation
	for _, file := range files {
		folder := filepath.Dir(file)
		r, err := readRecord(folder)
		if errors.Is(err, errNotOurs) {
			continue
		}
		service, number, ok := parseName(filepath.Base(folder))
		if !ok || err == nil && r.Name() != filepath.Base(folder) {
			d.warn("", "left alone", fmt.Errorf("%s has come with a copy, or by another name: remove it by hand", file))
			continue
		}
		if err != nil {
			d.warn(service, "record of "+filepath.Base(folder)+" cannot be read: it is removed", err)
			r = Record{Service: service, Number: number, Phase: Making}
		}
		g := &Generation{Record: r}
		g.init.Store(int64(states[r.Name()]))
		// Whether it was told of the names that its hosts file says is not known.
		// Service addresses hardly ever change.
		g.stale = g.init.Load() > 0 && !d.Stable
		g.reports = d.reportsOf(g)
		if err := putBack(g.reports); err != nil {
			d.warn(g.Service, "how "+g.Name()+" has ended", err)
		}
		if l := d.lane(g.Service); g.Port == 0 && l != nil { // an earlier version has not written it
			g.Port = l.s.Port
		}
		found = append(found, g)
	}
	slices.SortFunc(found, func(a, b *Generation) int { return b.Number - a.Number })
	return found, nil
}

// finishSwitch writes the records that a switch of several services has not come
// to.
func (d *Deployer) finishSwitch(found []*Generation) {
	for _, first := range found {
		for _, g := range found {
			if first.Phase == Live && g.Phase == Candidate && slices.Contains(first.With, g.Name()) {
				g.Since = first.Since
				d.state(g, Live)
			}
		}
	}
}

// choose says which generation of each service is to be live: the newest whose
// record says so and whose service runs. An agent that was killed in between the
// two records of a switch has left two, and the newer is the one that names and
// ports lead to; or the older, if it was going back to that. Where none runs,
// the newest that drains and does is live again: the other ended when nobody was
// there to go back. Where there is none of these either, as after a reboot, it
// is the newest that was live.
func (d *Deployer) choose(found []*Generation) map[string]*Generation {
	worth := func(g *Generation) int {
		switch runs := d.alive(g) == nil; {
		case g.Phase == Live && runs:
			return 3
		case g.Phase == Draining && runs:
			return 2
		case g.Phase == Live:
			return 1
		}
		return 0
	}
	chosen, most := map[string]*Generation{}, map[string]int{}
	for _, g := range found { // newest first
		if n := worth(g); n > most[g.Service] {
			chosen[g.Service], most[g.Service] = g, n
		}
	}
	return chosen
}
