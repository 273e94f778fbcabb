package deployer

import (
	"context"
	"io"
	"time"
)

// SharedFolder is where every instance has the shared files.
const SharedFolder = "/var/lib/jarloop/shared"

// Sharer is the part of an engine that keeps files which instances have in SharedFolder,
// read-only and without a copy of their own: those that a Command or a Production names,
// from when it is installed or run, and maybe others. A name is a relative path; what it names
// never changes, and has the same time on every machine, so that what depends on
// both stays right.
type Sharer interface {
	// Share makes what write writes a shared file, as one act. One that is there stays
	// as it is.
	Share(ctx context.Context, name string, write func(io.Writer) error) error
	// Shared gives the shared files, in no order.
	Shared(ctx context.Context) ([]SharedFile, error)
	// Unshare removes a shared file. One that is gone is no error.
	Unshare(ctx context.Context, name string) error
	// Produce makes a shared file by a command, in an instance of its own without a
	// network, at the lowest priority. When it fails or is cut off there is no such file,
	// and no instance is left but one that List gives as half made.
	Produce(ctx context.Context, p Production) (Produced, error)
	// Mapped gives the shared files that the service of a running instance has mapped
	// into its memory.
	Mapped(ctx context.Context, name string) ([]string, error)
}

// SharedFile is a file that instances share.
type SharedFile struct {
	Name string
	Size int64     // bytes
	Time time.Time // when it came
}

// Production says how a shared file is made.
type Production struct {
	Base string // what the command runs in
	Name string // of the shared file
	Argv []string
	Out  string // the file inside that the command makes
	// Needs are the shared files that the command needs, and Beside an instance that runs
	// with most of them, if there is one.
	Needs  []string `json:",omitempty"`
	Beside string   `json:",omitempty"`
	// Memory and Disk are how many bytes it may take, and Time how long it may run.
	Memory, Disk int64
	Time         time.Duration
}

// Produced says what a production has cost.
type Produced struct {
	Bytes     int64 // of the file
	CPU, Took time.Duration
	Memory    int64 // bytes that were seen to be held at most; 0: not known
}
