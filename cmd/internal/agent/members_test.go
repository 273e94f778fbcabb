package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
)

// opener is a cluster of two members.
type opener struct {
	mu     sync.Mutex
	wrong  string // on m2
	err    error
	asked  int
	wanted []deployer.MemberPort
}

func (o *opener) HoldPorts(context.Context, deployer.Pool) error { return nil }

func (o *opener) ClosePorts(context.Context) ([]string, error) { return nil, nil }

func (o *opener) OpenPorts(_ context.Context, _ deployer.Pool, ports []deployer.MemberPort) (all []deployer.Opened, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	o.wanted = ports
	if o.err != nil {
		return nil, o.err
	}
	for _, p := range ports {
		all = append(all, deployer.Opened{MemberPort: p, Member: "m1"}, deployer.Opened{MemberPort: p, Member: "m2", Wrong: o.wrong})
	}
	return all, nil
}

func (o *opener) becomes(wrong string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wrong, o.err = wrong, err
}

// looking has members looked after, and keeps what is said of that.
func looking(t *testing.T, o *opener, c *config.Config) (*memberPorts, func() []string) {
	var mu sync.Mutex
	var all []string
	note := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, text)
	}
	m := &memberPorts{opener: o, say: note, complain: func(text string) { note("! " + text) }, news: make(chan struct{}, 1)}
	m.opened.Store(&[]deployer.Opened{})
	m.wrong.Store(&[]string{})
	m.configure(c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { m.keep(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return m, func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		now := all
		all = nil
		return now
	}
}

func onMembers(port int) *config.Config {
	return &config.Config{Publishes: []config.Publish{{Port: 80, Protocol: "tcp", Members: port}, {Port: 81, Protocol: "tcp"}}}
}

func TestWhatBecomesOfThePortsOfMembersIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		m, said := looking(t, o, onMembers(8081))
		expect := func(when string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, said()); diff != "" {
				t.Errorf("%s: %s", when, diff)
			}
			var complaints []string
			for _, text := range want {
				if rest, is := strings.CutPrefix(text, "! "); is {
					complaints = append(complaints, rest)
				}
			}
			if _, wrong := m.status(); len(complaints) > 0 && !slices.Equal(wrong, complaints) {
				t.Errorf("%s, the status says %v", when, wrong)
			}
		}
		expect("at the start", "port 8081 (tcp) is open on m1, m2")
		time.Sleep(3 * membersEvery)
		expect("later")
		o.becomes("it is away", nil)
		time.Sleep(membersEvery)
		expect("when a member has gone", "! port 8081 (tcp) is not open on m2: it is away", "port 8081 (tcp) is open on m1")
		time.Sleep(3 * membersEvery)
		expect("while it is away")
		o.becomes("", deployer.ErrAway)
		time.Sleep(3 * membersEvery)
		expect("while nothing can be done in the cluster")
		o.becomes("", errors.New("broken"))
		time.Sleep(membersEvery)
		expect("without an answer", "! ports of members are not looked after: broken")
		if opened, _ := m.status(); len(opened) != 2 {
			t.Errorf("without an answer, what was known is %v", opened)
		}
		o.becomes("", nil)
		time.Sleep(membersEvery)
		expect("when all is well", "port 8081 (tcp) is open on m1, m2")
		if _, wrong := m.status(); len(wrong) > 0 {
			t.Errorf("when all is well, the status says %v", wrong)
		}
	})
}

func TestAnotherConfigurationOpensPortsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{}
		m, said := looking(t, o, onMembers(0))
		synctest.Wait()
		began := time.Now()
		time.Sleep(10 * membersEvery)
		if synctest.Wait(); o.asked != 1 {
			t.Errorf("the cluster is asked %d times, where no member has anything to open", o.asked)
		}
		began = began.Add(10 * membersEvery)
		m.configure(onMembers(8082))
		if diff := cmp.Diff([]string{"port 8082 (tcp) is open on m1, m2"}, said()); diff != "" || !time.Now().Equal(began) {
			t.Errorf("after %s: %s", time.Since(began), diff)
		}
		if diff := cmp.Diff([]deployer.MemberPort{{Port: 8082, Protocol: "tcp", To: 80}}, o.wanted); diff != "" {
			t.Error(diff)
		}
		m.configure(onMembers(0))
		if synctest.Wait(); len(o.wanted) > 0 {
			t.Errorf("wanted are %v", o.wanted)
		}
		if opened, _ := m.status(); len(opened) > 0 {
			t.Errorf("open are %v", opened)
		}
	})
}

// TestContainersOfOneMachineHaveNoMembers has an engine that opens no ports.
func TestContainersOfOneMachineHaveNoMembers(t *testing.T) {
	m := newMemberPorts(&agent{}, &config.Config{}, nil)
	if opened, wrong := m.status(); m != nil || opened != nil || wrong != nil || m.hold(t.Context()) != nil {
		t.Errorf("%v, %v, %v", m, opened, wrong)
	}
	m.configure(&config.Config{})
	m.keep(t.Context())
}
