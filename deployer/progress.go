package deployer

import (
	"cmp"
	"slices"
	"time"
)

// waited gives the steps that came before the deploy itself, and when the first of
// them began. What was done meanwhile of the standby that it deploys into is named; the
// rest is waiting.
func (a *attempt) waited() (steps []Step, since time.Time) {
	r := a.request
	turn := a.started.Sub(r.came)
	for _, s := range r.making {
		turn -= s.Took
	}
	if turn > time.Millisecond {
		steps = append(steps, Step{Name: "wait its turn", Took: turn})
	}
	steps = append(steps, r.making...)
	since = r.came
	if !r.seen.IsZero() && r.seen.Before(since) {
		steps = append([]Step{{Name: "settle", Took: since.Sub(r.seen)}}, steps...)
		since = r.seen
	}
	return steps, since
}

// lastSteps gives what of steps that have just ended lies within that time.
func lastSteps(done []Step, within time.Duration) (last []Step) {
	for _, s := range slices.Backward(done) {
		s.Took = min(s.Took, within)
		if within -= s.Took; s.Took > time.Millisecond {
			last = append(last, s)
		}
	}
	slices.Reverse(last)
	return last
}

// showProgress has the deploy show how far it comes.
func (l *loop) showProgress(a *attempt, j *job) {
	g := cmp.Or(j.standby.Name(), (&Generation{Service: l.name, Number: j.number}).Name())
	steps, since := a.waited()
	a.shown = &Progress{Generation: g, Set: a.request.set.ID, Since: since, Steps: steps}
	j.begins = func(name string, done []Step) { l.box.put(begins{a, name, done, time.Now()}) }
}

// handleBegins notes which step the deploy under way has come to.
func (l *loop) handleBegins(m begins) {
	if l.attempt != m.attempt {
		return
	}
	next := *m.attempt.shown
	waited, _ := m.attempt.waited()
	next.Steps, next.Step, next.StepSince = slices.Concat(waited, m.done), m.step, m.at
	m.attempt.shown = &next
}

// exist gives all generations that there are, by number.
func (l *loop) exist() []Exists {
	var all []Exists
	add := func(g *Generation, state, reason string) {
		if g == nil || slices.ContainsFunc(all, func(e Exists) bool { return e.Number == g.Number }) {
			return
		}
		e := Exists{Generation: g.Name(), Number: g.Number, State: state, Set: g.Set, Since: g.Since, Reason: reason}
		if g.Address.IsValid() {
			e.Address = g.at()
		}
		all = append(all, e)
	}
	add(l.live, string(Live), "")
	for _, d := range l.draining {
		add(d.g, string(Draining), "")
	}
	for _, r := range l.removals {
		add(r.g, "removing", r.reason)
	}
	add(l.standby, string(Standby), "")
	add(l.failed, string(KeptFailure), "")
	if l.attempt != nil {
		p := l.attempt.shown
		if _, number, ok := parseName(p.Generation); ok {
			state := Making
			if slices.Contains([]string{"before_deploy", "install", "wait for needs", "hold", "stop", "save", "start", "prove", "read", "switch"}, p.Step) {
				state = Candidate
			}
			add(&Generation{Service: l.name, Number: number, Set: p.Set}, string(state), "")
		}
	}
	slices.SortFunc(all, func(a, b Exists) int { return cmp.Compare(a.Number, b.Number) })
	return all
}
