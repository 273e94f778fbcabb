package deployer

import (
	"context"
	"net/netip"

	"github.com/jarloop/jarloop/deployer/history"
	"github.com/jarloop/jarloop/watcher"
)

// Options are what a Deployer works with.
type Options struct {
	Services []Service
	Publish  []Publish
	// External is where names lead that are no services'.
	External map[string]netip.AddrPort
	// KeepLogs is how many bytes of output are kept of a generation, and
	// KeepGenerations of how many generations beside the existing ones.
	KeepLogs        int64
	KeepGenerations int
	// VIPs says that the name of a service leads to a virtual IP of its own for
	// ever, and that to what is live; else it leads to what is live.
	VIPs bool
	// Standby says to keep the next generation of each service booted.
	Standby bool
	// KeepFailed says to keep the container of the newest deploy of each service
	// that has failed, without its service, so that one can look into it.
	KeepFailed bool
	// Together says to switch the services that one build has touched as one,
	// when each of them is proven, or none of them.
	Together bool
	// Reserve is how many bytes of memory standbys, and what is kept of failed
	// deploys, leave available.
	Reserve int64
	// Available gives the memory, in bytes, that can be had without swapping;
	// nil is the kernel's own word.
	Available func() (int64, error)
	// KeepSets is how many artefact sets of each service that have been live are
	// kept to go back to.
	KeepSets int

	// Scratch is a folder of the agent's own, on the disk of the artefact sets, for what a
	// deploy puts together; empty: nothing is started fast. SharedLimit is how many bytes the
	// files may take that instances share for that.
	Scratch     string
	SharedLimit int64

	Engine  Engine
	Router  Router
	Pool    Pool
	Holder  Holder
	History History
	Sets    Sets
	// Hook runs a command for a deploy, until it has ended or its time is over.
	// It is not called where no service has such a command.
	Hook func(ctx context.Context, h Hook) error
	// Look has the newest artefacts of a service seen once more, though they may
	// be the same. It does not wait.
	Look func(service string)
	// Tell receives what happens, in order for each service, and must not block
	// for long.
	Tell func(Event)
	// Published is called whenever the status of a service may have become another
	// one, by its loop, which must not wait. It may be nil.
	Published func()
	// Beat is called every few seconds while routes are being kept true.
	Beat func()
	// Output receives each line that a service prints, while it is followed.
	Output func(Line)
}

// History remembers of each service what became of its deploys, and what a
// person has decided. history.Book implements it.
type History interface {
	Page(service string) (history.Page, error)
	Amend(service string, do func(*history.Page)) error
}

// Sets are the artefact sets that are kept.
type Sets interface {
	// Load gives an earlier one; fs.ErrNotExist if it is not kept any more.
	Load(service, id string) (watcher.Set, error)
	// Prune removes those of a service but for some.
	Prune(service string, keep map[string]bool) error
}
