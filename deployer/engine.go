package deployer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Engine makes, runs and removes instances: containers that carry a record of
// ours. It is the one door to whatever makes containers; deployer/lxc is one
// engine, the fake of the tests another, and package enginetest is what each of
// them has to pass.
//
// A service runs inside an instance as one unit of its init. The instance boots
// without it; Launch lets it run, and the engine knows how it ended.
//
// All methods may be called from several goroutines. Calls for different
// instances do not wait for each other. A call ends when its context does, and
// has a deadline of its own where the engine could hang.
type Engine interface {
	// List gives every instance that carries a record of ours, and those whose
	// making or removal was cut off. Of others it says nothing.
	List(ctx context.Context) ([]Instance, error)
	// LastNumber gives the highest N for which SERVICE-N exists, whoever made
	// it, or for which output is kept; 0 if there is none.
	LastNumber(ctx context.Context, service string) (int, error)

	// Create makes a stopped instance from its base. Its record is there before
	// anything else of it, so what was cut off can be found and removed. A name
	// that somebody else has is ErrExists, and nothing was done.
	Create(ctx context.Context, s Spec) error
	// SetRecord replaces the record of an instance, durably and as one act.
	SetRecord(ctx context.Context, name string, record []byte) error
	// Start boots the instance and gives its address once it has one. A service
	// that was launched before starts with the boot. One that runs is left as it
	// is; one whose start hangs is stopped first.
	Start(ctx context.Context, name string) (netip.Addr, error)
	// Stop asks the service to end and the instance to halt, and kills after
	// grace what is left; 0 kills at once. One that is stopped, half made or gone
	// is no error.
	Stop(ctx context.Context, name string, grace time.Duration) error
	// Remove removes a stopped instance with its record. What it has printed is
	// kept, see Prune. One that is half made or gone is no error.
	Remove(ctx context.Context, name string) error

	// Install makes the folder target of the running instance hold exactly what
	// the agent's own folder source holds, and c what its service runs. Without a
	// source no folder is touched. The values of c.Env are where the service's root
	// alone can read them, and in no process's arguments.
	Install(ctx context.Context, name, source, target string, c Command) error
	// Launch starts the service: the first time as soon as the guest has booted
	// far enough, later where it has ended. From then on Check tells of this run.
	// A service that runs is left as it is. How long it waited for the boot it says by
	// NoteBoot.
	Launch(ctx context.Context, name string) error
	// Quit ends the service and all that it has started, and not the instance:
	// all processes are asked, and after grace killed. It does not start again
	// by itself, not with the next boot either.
	Quit(ctx context.Context, name string, grace time.Duration) error
	// Check is nil while the service has not ended, also before it was launched;
	// else an *ExitError. It is quick.
	Check(name string) error
	// Wait waits for the end of the service or of its instance, and gives an
	// *ExitError, or the cause of ctx.
	Wait(ctx context.Context, name string) error

	// Run runs a command inside and gives what it printed, at most 64 KiB;
	// another exit status than 0 is an error that says it.
	Run(ctx context.Context, name string, argv []string) ([]byte, error)
	// Dial connects to a TCP port of the instance, as its callers would.
	Dial(ctx context.Context, name string, port uint16) (net.Conn, error)
	// Listening gives what the service of a running instance, and what it has
	// started, listens on by now, in no order. What else listens there is left out.
	Listening(ctx context.Context, name string) ([]Listener, error)
	// ReadFile reads a regular file of the running instance, at most 16 MiB.
	ReadFile(ctx context.Context, name, file string) ([]byte, error)
	// WriteFile replaces a file of the running instance as one act where that
	// can be; one that is there keeps its owner and mode.
	WriteFile(ctx context.Context, name, file string, data []byte, perm fs.FileMode) error

	// Follow gives each line that the service prints, and that is added to files
	// which match o.Files, once over all agents, until ctx ends; then what is
	// there already, and returns. What it has seen is kept, bounded, and outlives
	// the instance.
	Follow(ctx context.Context, name string, o FollowOptions, line func(Line)) error
	// Tail gives what the service of an instance printed last, a stack trace
	// whole. The instance may have ended, or be gone.
	Tail(name string) []string
	// Prune removes kept output of a service's instances that are gone, but for
	// that of the newest keep.
	Prune(ctx context.Context, service string, keep int) error

	// Connections counts the open connections to a port of the instance, and of
	// these the busy ones: as far as can be seen, who has asked awaits an answer.
	Connections(ctx context.Context, name string, port uint16) (open, busy int, err error)
	// Disconnect ends the connections to a port of the instance over which one request
	// follows the other, each at a moment when nobody awaits an answer, as far as there
	// is one within some tenths of a second: a client opens another one for what it asks
	// next, and the service has none to refuse that when it is asked to end. The others,
	// over which nothing comes or an answer goes on, are left to the service. Where it
	// cannot be done, all are.
	Disconnect(ctx context.Context, name string, port uint16) error
	// Memory gives how many bytes of memory the instance holds; an error where
	// nobody counts them.
	Memory(ctx context.Context, name string) (int64, error)
	// Space gives what is free where instances, and what they print, are kept.
	Space(ctx context.Context) ([]Space, error)

	DataKeeper
	Sharer
}

// DataKeeper is the part of an engine that keeps the data of services: folders
// of the guest that outlive every instance. They belong to the service, and each
// instance whose Spec names a folder has it from its making on. What an instance
// finds there at first is what its base has at that path, content, owners and
// modes; else the folder is empty and its root's.
//
// Calls for one service wait for each other, but nobody for ExportData. The end of the agent at any moment
// leaves what was or what is to be, but for RestoreData, which is then to be called
// again.
type DataKeeper interface {
	// SaveData copies the data as they are now. As one act the copy takes the
	// place of an earlier one, and is on the disk then. Data that this disk can
	// only copy byte by byte, and that are more than is allowed for that, are
	// ErrTooLarge. Without data there is no copy. Who calls it sees to it that
	// nobody writes meanwhile.
	SaveData(ctx context.Context, service string) error
	// RestoreData makes the data what they were when they were saved, in running
	// instances too, and then drops the copy. It needs no space. Without a copy
	// it changes nothing. When it fails or is cut off the data may be a mixture;
	// called again it ends as if it had been called once.
	RestoreData(ctx context.Context, service string) error
	// DropSavedData removes the copy, if there is one.
	DropSavedData(ctx context.Context, service string) error
	// Data gives the folders of all services, also of those that nobody asks
	// for any more, in the order of their names.
	Data(ctx context.Context) ([]Data, error)
	// RemoveData removes the data of a service with their copy, while none of its
	// instances runs. Instances that there are begin anew with their next start.
	RemoveData(ctx context.Context, service string) error
	// ExportData writes the data as a tar archive: a folder at its top for each
	// (with %2F for / in its name), with owners as the guest has them. It fails where
	// the data are exchanged meanwhile.
	ExportData(ctx context.Context, service string, to io.Writer) error
	// ImportData makes the data what such an archive holds, as one act, while no
	// instance of the service runs, and drops their copy. One that is not whole changes
	// nothing.
	ImportData(ctx context.Context, service string, from io.Reader) error
}

// Spec is what an instance is made of.
type Spec struct {
	// Name is SERVICE-NUMBER.
	Name string
	Base string
	// Address is the instance's own, with its network's prefix; the zero Prefix
	// lets it ask by DHCP.
	Address netip.Prefix
	// Memory is how many bytes the instance may hold, and CPUs how much of how many
	// processors its processes may use together; 0: as much as there is. A process that
	// takes more memory is killed: of one of the service's, OverMemory says how it ended.
	Memory int64
	CPUs   float64
	// Record is kept with the instance; only the deployer reads it.
	Record []byte
	// Data are folders inside, by absolute paths, that are the service's and not
	// the instance's.
	Data []string
}

// Data is one folder of a service's data.
type Data struct {
	Service string `json:"service"`
	Folder  string `json:"folder"` // inside
	Bytes   int64  `json:"bytes"`  // of the disk
	Saved   bool   `json:"saved"`  // there is a copy of the service's data
}

// Command is what the service of an instance runs.
type Command struct {
	Line string // of a shell
	Dir  string // the folder that it runs in; empty: the root
	Env  map[string]string
	// Shared are the shared files that it runs with: the instance has them in SharedFolder.
	Shared []string
}

// Instance is one as it was found.
type Instance struct {
	Name string
	// Record is what Create or SetRecord was given. Where it cannot be had,
	// Err says why.
	Record  []byte
	Err     error
	Running bool
	// Half says that its making or its removal was cut off: it can only be
	// removed.
	Half bool
}

// Listener is a socket at which a service can be reached.
type Listener struct {
	Addr netip.AddrPort // of a loopback interface: from inside the instance alone
	UDP  bool           // else TCP
}

// FollowOptions say what of an instance's output is followed.
type FollowOptions struct {
	// Files are patterns of files inside that are followed beside the service's
	// standard output and error.
	Files []string
	// Keep is how many bytes are kept of each.
	Keep int64
}

// Space is what is free in one place.
type Space struct {
	Where        string // for people
	Bytes, Files uint64
	// NoFiles says that the filesystem does not count files (btrfs).
	NoFiles bool
}

// ErrStopped says that an instance does not run, of a call that needs it to.
var ErrStopped = errors.New("the instance does not run")

// ErrAway says that the machine of an instance is not heard from: whether the instance
// runs on is not known.
var ErrAway = errors.New("its machine is away")

// ErrExists says that an instance cannot be made, since another one has its name.
var ErrExists = errors.New("the name is taken")

// ErrTooLarge says that data are more than may be copied.
var ErrTooLarge = errors.New("too much to be copied")

// ErrLate says of a call that it was not done within a time of the engine's own: the
// machine is slow, or something hangs.
var ErrLate = errors.New("the engine was too slow")

// ExitError says how a service ended.
type ExitError struct {
	// How is for people, the end of a sentence about the process: "exited with
	// status 1", "killed by SIGKILL: out of memory".
	How string
	// Exited says that it was by itself, and not by a signal; with that status.
	Exited bool
	Status int
	// Stopped says that the instance does not run any more either, and Gone that
	// it is not there any more. Away says that this is so since its machine is away.
	Stopped, Gone, Away bool
}

// Is has what was proven on a machine that is away be tried again, elsewhere.
func (e *ExitError) Is(target error) bool { return e.Away && target == ErrLate }

// OverMemory is how a service has ended that has taken more than Spec.Memory.
func OverMemory(limit int64) string {
	return fmt.Sprintf("killed: out of its memory limit of %dM (memory)", limit>>20)
}

func (e *ExitError) Error() string {
	if strings.HasPrefix(e.How, "killed") {
		return "the process was " + e.How
	}
	return "the process " + e.How
}
