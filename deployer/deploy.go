package deployer

import (
	"context"
)

// deploy makes the artefact set the live generation of its service. When it
// fails, what was live is live as before, and nothing of the new generation is
// left but what it printed, and what is kept of it to be looked into: its phase
// is KeptFailure then.
//
// The artefacts are read to their end beside the steps before. No step that touches
// what is live is done before that has ended well.
//
// Where the old one has to end before the new one begins it serves until then, what
// comes meanwhile waits, and a failure has the old one serve again, on its data as
// they were.
func (s *shop) deploy(ctx context.Context, j job) deployEnded {
	all := &steps{ctx: ctx, grace: j.service.StopTimeout, begins: j.begins}
	m := &making{shop: s, service: j.service, made: j.standby != nil, starts: j.starts}
	if m.made {
		next := *j.standby // which knows no more of the service than Guest
		next.Port, next.Fingerprint = j.service.Port, j.service.fingerprint()
		m.g = &next
		all.undo("prepare", m.remove)
	} else {
		m.prepare(all, j.number)
	}
	if len(j.service.Before) > 0 {
		all.do("before_deploy", func(ctx context.Context) error { return m.before(ctx, j) }, nil)
	}
	all.do("install", func(ctx context.Context) error { return m.install(ctx, j.set) },
		func(ctx context.Context) error { return m.abandon(ctx, all.failure()) })
	all.do("wait for needs", func(ctx context.Context) error { return m.await(ctx, j.waiting) }, nil)
	var before *predecessor
	r := m.stopsFirst()
	if r != nil {
		j.read(all)
		before = &r.predecessor
		all.grace += j.service.Health.Timeout
		all.do("hold", r.hold, r.endHold)
		all.do("stop", func(ctx context.Context) error { return r.stop(ctx, j.replaces) },
			r.goBack) // which ends the new one first, and restores the data
		all.do("save", r.save, nil)
	}
	all.do("start", m.launch, nil)
	all.do("prove", func(ctx context.Context) error { return m.comeUp(ctx, r) }, nil)
	if r == nil {
		j.read(all)
	}
	all.do("switch", func(ctx context.Context) error {
		err := m.promote(ctx, r == nil) // not with others where requests wait for it
		if err == nil && r != nil {
			r.release(ctx)
		}
		return err
	}, nil)
	err := all.end(func(ctx context.Context, err error) error { return s.explainUnsound(ctx, j, err) })
	return deployEnded{g: m.g, before: before, steps: all.done, learned: m.learned, err: err}
}

// prepareStandby makes a generation that waits for its artefacts.
func (s *shop) prepareStandby(ctx context.Context, service Service, number int) standbyMade {
	all := &steps{ctx: ctx}
	m := &making{shop: s, service: service}
	m.prepare(all, number)
	err := all.end(s.explainFull)
	return standbyMade{m.g, all.done, err}
}

// prepare makes a generation and boots it, up to where it waits for artefacts.
func (m *making) prepare(all *steps, number int) {
	m.g = &Generation{
		Service: m.service.Name, Number: number, Phase: Making,
		Port: m.service.Port, Base: m.service.Base, Fingerprint: m.service.fingerprint(), Guest: m.service.guest(),
	}
	all.do("reserve", m.reserve, m.release)
	all.do("clone", m.clone, m.remove)
	all.do("boot", m.boot, nil)
	all.do("join", m.join, nil)
}
