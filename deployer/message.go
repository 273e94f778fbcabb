package deployer

import (
	"context"
	"net/netip"
	"time"

	"github.com/jarloop/jarloop/watcher"
)

// message is what a loop handles: one of the types below.
type message any

// What the watcher sees.
type (
	// filesChanged: files have changed and are awaited. One of the next three
	// follows.
	filesChanged struct{}
	// artefacts: a set is complete.
	artefacts struct{ set watcher.Set }
	// refused: what there is cannot be deployed; broken says that it is not the
	// files' own fault, missing that what the command runs is not there.
	refused struct {
		reason          string
		broken, missing bool
	}
	// unsound: that set, which was said to be complete, is not whole. Its files are
	// awaited.
	unsound struct{ set string }
	// same: what had changed is what was seen last, or what was refused last.
	same struct{ refused string }
)

// What a person wishes, and what the configuration says.
type (
	// deployWish: deploy the newest set, when it has been looked at.
	deployWish struct{ done chan<- Result }
	// rollbackWish: deploy the earlier set whose ID begins so; none: the one
	// that was live before.
	rollbackWish struct {
		prefix string
		done   chan<- Result
	}
	// pauseWish: deploy nothing for now, or go on.
	pauseWish struct {
		paused bool
		done   chan<- error
	}
	// divertWish: names and ports of the service lead to a program outside; the
	// zero address: to what is live again.
	divertWish struct {
		to   netip.AddrPort
		done chan<- error
	}
	// vipLeased: the service gets a virtual IP. It is told to nobody before done is
	// closed.
	vipLeased struct {
		vip  netip.Addr
		done chan<- struct{}
	}
	// configured: the service is another one now, or gone.
	configured struct {
		service Service
		gone    bool
		again   chan<- bool
	}
	// outage: what is to be done while no instance of the service runs.
	outage struct {
		ctx  context.Context // of who asks for it
		do   func(context.Context) error
		done chan<- error
	}
)

// What tasks report.
type (
	// ended: a task is over; what it reports may be nil.
	ended struct{ report message }
	waits struct{ missing []string }
	// begins: the deploy under way has come to its next step.
	begins struct {
		attempt *attempt
		step    string
		done    []Step
		at      time.Time
	}
	// replaces: what is live is to end for a generation.
	replaces struct {
		by   string
		done chan<- replaced // has room for one
	}
	replaced struct {
		live     *Generation
		draining []*Generation
		err      error
	}
	deployEnded struct {
		attempt *attempt
		g       *Generation
		before  *predecessor // nil: both could run
		steps   []Step
		learned *startMemory // of how it can be started; nil: nothing new
		err     error
	}
	standbyMade struct {
		g     *Generation
		steps []Step
		err   error
	}
	// recovered: the task that brings back what is live is over.
	recovered struct {
		by     *ending
		report message
	}
	exited struct {
		name string
		why  error
	}
	restartEnded struct {
		g     *Generation
		count int
		err   error
	}
	wentBack struct {
		from, old *Generation
		to        *Generation // old, as it is live
		why       error       // that from has ended
		err       error
	}
	// diverted: names and ports lead where a person wants them, or where they did.
	diverted struct {
		was  netip.AddrPort
		done chan<- error
		err  error
	}
	// outageEnded: it is over, and what was live runs again unless down says why not.
	outageEnded struct {
		outage *outage
		live   *Generation
		holds  bool // connections wait
		down   error
		err    error
	}
	// archiveMade: an archive of the classes of a generation's libraries is there.
	archiveMade struct {
		g    *Generation
		made *Produced // nil: it was there already
		err  error
	}
	// archiveSeen: whether its JVM takes classes from its archive is known.
	archiveSeen struct {
		name  string
		taken bool
	}
	holdEnded struct{ err error }
	keptDead  struct {
		g   *Generation
		err error
	}
	lost struct {
		g   *Generation
		err error
	}
	drained struct {
		by   *drain
		open int
	}
	removed struct {
		name string
		err  error
	}
)

// What comes by the clock, or from those who see all services.
type (
	tick struct {
		space []Space
		spare bool // there is memory for a standby
	}
	// giveUp: memory is short, so a generation that nobody needs is to go.
	giveUp struct{ name, why string }
	// retryHeld: a build has begun that what was held back is part of.
	retryHeld struct{}
	// retryLate: the pause is over after which something is made again.
	retryLate struct{ due *retry }
)
