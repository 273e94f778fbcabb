package deployer

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/watcher"
)

// loop owns one service: all that is known of it, and every generation of it
// that there is. It handles messages one at a time; what takes long is a task on
// a goroutine of its own, which touches nothing of the loop and reports back by
// a message.
type loop struct {
	*shop
	name  string // of the service
	box   *mailbox[message]
	shown atomic.Pointer[Status]
	ended chan struct{} // closed when run has returned

	// Of the goroutine in run alone.
	ctx     context.Context
	tasks   int      // under way
	after   []func() // to be done when the state is published
	service Service
	vip     netip.Addr // that it has got from this agent; invalid: none
	gone    bool       // from the configuration: it ends when nothing is left

	live *Generation // names and ports lead to it; nil: nothing is live
	down error       // why the service of what is live does not run; nil: it does
	// restarts are within the last minute, and restarted is how often what is
	// live was started again.
	restarts  []time.Time
	restarted int
	recovery  *ending             // of the task that brings what is live back; nil: there is none
	watched   map[string]bool     // by name: whose end is waited for
	draining  map[string]*drain   // by name
	removals  map[string]*removal // by name: what is to go
	standby   *Generation
	making    context.CancelFunc // ends the wait for the time to make one; nil: none is made
	noStandby time.Time          // when the last attempt at one failed; zero: it did not
	spare     bool               // there is memory for a standby
	failed    *Generation
	number    int // the highest there is or was; 0: not known yet

	wanted   *request // to be deployed next
	attempt  *attempt // the deploy under way
	waitsFor []string // services that it waits for
	outages  []outage // to be begun when nothing is under way
	outage   *outage  // under way
	retry    *retry   // to be made again by itself; nil: nothing is
	replaced bool     // the deploy has what is live end
	holding  bool     // what is held of it has no deploy that passes it on
	passing  bool     // which is being tried
	newest   Newest   // what became of the newest artefacts that were tried
	last     *Last

	starts  startMemory // how what is run can be started fast
	archive archiving
	plainly string // why it is started as its command says, as last said

	seen      watcher.Set // the newest on disk
	refused   string      // why what came after it is none
	missing   bool        // that it is not there
	changing  bool        // files are awaited
	asked     []chan<- Result
	found     string       // how what is live was found at the start
	diverting bool         // names and ports are on their way
	page      history.Page // what is remembered, and what a person has decided
}

// task does what takes long, and reports what comes of it, unless that is nil.
func (l *loop) task(do func(ctx context.Context) message) {
	l.tasks++
	ctx := l.ctx
	go func() { l.box.put(ended{do(ctx)}) }()
}

// say tells of an event as soon as those who then ask for the status find it so.
func (l *loop) say(e Event) { l.after = append(l.after, func() { l.tell(e) }) }

// sayWarning is say for what went wrong and stops nothing.
func (l *loop) sayWarning(what string, err error) {
	l.say(Event{Kind: Warning, Service: l.name, Reason: what + ": " + err.Error()})
}

// reply answers who waits, at the same time; done has room for it.
func (l *loop) reply(done chan<- Result, res Result) {
	l.after = append(l.after, func() { done <- res })
}

// refuse answers a person's wish that cannot be any more.
func (l *loop) refuse(m message, why error) {
	switch m := m.(type) {
	case deployWish:
		l.reply(m.done, Result{Service: l.name, Err: why})
	case rollbackWish:
		l.reply(m.done, Result{Service: l.name, Err: why})
	case divertWish:
		l.after = append(l.after, func() { m.done <- why })
	case pauseWish:
		l.after = append(l.after, func() { m.done <- why })
	case outage:
		l.after = append(l.after, func() { m.done <- why })
	}
}

// over says that the agent ends: what has begun ends, and nothing new begins.
func (l *loop) over() bool { return l.ctx.Err() != nil }

// left says whether there is a generation that somebody has to care for.
func (l *loop) left() bool {
	return l.live != nil || l.standby != nil || l.failed != nil || l.making != nil || l.attempt != nil ||
		len(l.draining) > 0 || len(l.removals) > 0 || l.tasks > 0
}

// nextNumber names a generation: a number that none of ours has or had. Where
// somebody else has that name it becomes a higher one.
func (l *loop) nextNumber() int {
	l.number++
	return l.number
}

// look has the newest artefacts come once more. One that has none is deployed as it
// is configured.
func (l *loop) look() {
	switch {
	case l.over() || l.gone:
	case l.service.Backing:
		l.box.put(artefacts{watcher.Set{Service: l.name, ID: noArtefacts}})
	case l.Look != nil:
		l.Look(l.name)
	}
}

// noArtefacts stands for the set of a service that has none.
const noArtefacts = "none"
