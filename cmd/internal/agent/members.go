package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
)

// membersEvery is how often it is looked whether members still open their ports.
const membersEvery = 30 * time.Second

// memberPorts has the members of a cluster open ports, and says where they do not.
type memberPorts struct {
	opener   deployer.PortOpener
	pool     deployer.Pool
	say      func(string)
	complain func(string)
	news     chan struct{}

	ports  atomic.Pointer[[]deployer.MemberPort] // to be opened
	opened atomic.Pointer[[]deployer.Opened]
	wrong  atomic.Pointer[[]string]
}

// newMemberPorts makes that of an engine, nil for one whose containers are all on this
// machine.
func newMemberPorts(a *agent, c *config.Config, pool deployer.Pool) *memberPorts {
	opener, can := a.engine.(deployer.PortOpener)
	if !can {
		return nil
	}
	m := &memberPorts{opener: opener, pool: pool, say: a.out.Say, complain: a.out.Complain, news: make(chan struct{}, 1)}
	m.opened.Store(&[]deployer.Opened{})
	m.wrong.Store(&[]string{})
	m.configure(c)
	return m
}

// hold keeps the addresses that it has taken before from being given to containers.
func (m *memberPorts) hold(ctx context.Context) error {
	if m == nil {
		return nil
	}
	return m.opener.HoldPorts(ctx, m.pool)
}

// configure says which ports are to be opened from now on.
func (m *memberPorts) configure(c *config.Config) {
	if m == nil {
		return
	}
	ports := c.MemberPorts()
	m.ports.Store(&ports)
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// keep has them opened until ctx ends. Where none are wanted, and none are left, nobody is
// asked.
func (m *memberPorts) keep(ctx context.Context) {
	if m == nil {
		return
	}
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.news: // as there is at the start
		case <-again:
		}
		again = nil
		if done := m.look(ctx); !done {
			again = time.After(membersEvery)
		}
	}
}

// look opens what is not open, says what is otherwise than the last time, and whether there
// is nothing to look after.
func (m *memberPorts) look(ctx context.Context) (done bool) {
	ports := *m.ports.Load()
	opened, err := m.opener.OpenPorts(ctx, m.pool, ports)
	if ctx.Err() != nil || errors.Is(err, deployer.ErrAway) { // of all of the cluster, which is said already
		return false
	}
	var wrong []string
	switch {
	case err != nil && len(ports) > 0:
		wrong = []string{fmt.Sprintf("ports of members are not looked after: %v", err)}
		opened = *m.opened.Load()
	case err != nil:
		wrong = []string{fmt.Sprintf("ports of members are not closed: %v", err)}
	default:
		_, wrong = deployer.OpenedTexts(opened)
	}
	for _, text := range wrong {
		if !slices.Contains(*m.wrong.Load(), text) {
			m.complain(text)
		}
	}
	before, _ := deployer.OpenedTexts(*m.opened.Load())
	open, _ := deployer.OpenedTexts(opened)
	for _, text := range open {
		if !slices.Contains(before, text) {
			m.say(text)
		}
	}
	m.opened.Store(&opened)
	m.wrong.Store(&wrong)
	return err == nil && len(ports) == 0
}

// status gives what there is to say of them.
func (m *memberPorts) status() (opened []deployer.Opened, wrong []string) {
	if m == nil {
		return nil, nil
	}
	return *m.opened.Load(), *m.wrong.Load()
}
