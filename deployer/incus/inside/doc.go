// Package inside is what an engine needs done in a guest that it reaches by its API
// alone: a static program there runs Serve for each call, which reads a Request from
// its standard input and answers on its standard output. It acts on the guest's own
// files by package guest, as an engine on the guest's host does from outside.
//
//	engine ──exec──▶ program: Request ──▶ Answer
//	                          then, of some calls, what follows: artefacts, output,
//	                          lines, a connection
//
// A call ends when its standard input does, or when it is killed; what it changes it
// changes as one act, so that the end of a connection leaves no half.
package inside

import (
	"encoding/json"
	"io"
	"io/fs"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
)

// Request is one call: of its members only what the call's name needs.
type Request struct {
	Call    string
	File    string
	Data    []byte
	Perm    fs.FileMode
	Command *guest.File
	Argv    []string
	Target  string
	Parts   []Part // what Target is to hold; those that are lacked follow
	Grace   time.Duration
	Port    uint16
	Offset  int64
	Keep    int64
	Stay    bool
	Files   []string           // patterns, or folders
	Reached map[string]Reached // by file
	Shared  []Part             // shared files that the service runs with
	Gone    []string           // shared files that are not needed any more
	Most    int64              // how long a file may become
}

// The calls.
const (
	CallStatus      = "status"      // how the service has ended
	CallWait        = "wait"        // that, when it has
	CallRead        = "read"        // a file
	CallWrite       = "write"       // a file
	CallInstall     = "install"     // artefacts, of which what is lacked follows, and the command
	CallLaunch      = "launch"      // the service
	CallQuit        = "quit"        // the service
	CallRun         = "run"         // a command
	CallHalt        = "halt"        // the guest, after its service
	CallListening   = "listening"   // what the service listens on
	CallConnections = "connections" // how many there are to a port
	CallDisconnect  = "disconnect"  // those to a port that are in use
	CallDial        = "dial"        // a port; what is read and written follows
	CallOutput      = "output"      // pieces of what the service prints
	CallSizes       = "sizes"       // what folders take
	CallLines       = "lines"       // lines of files
	CallKeep        = "keep"        // shared files, of which what is lacked follows, and of others that they go
	CallProduce     = "produce"     // a command that makes a file
	CallMapped      = "mapped"      // shared files that the service has in its memory
)

// Answer is what a call gives.
type Answer struct {
	Error     string              `json:",omitempty"`
	Kind      string              `json:",omitempty"`
	Exit      *Exit               `json:",omitempty"`
	Data      []byte              `json:",omitempty"`
	Listeners []deployer.Listener `json:",omitempty"`
	Status    int                 `json:",omitempty"`
	Busy      int                 `json:",omitempty"`
	Open      int                 `json:",omitempty"`
	Sizes     []int64             `json:",omitempty"`
	Names     []string            `json:",omitempty"` // of shared files
	Made      *Made               `json:",omitempty"`
	// More says that something goes on, and another answer comes. One of them has what is
	// lacked of the Parts, if nothing then an empty list.
	More  bool   `json:",omitempty"`
	Lacks []Lack `json:",omitzero"`
}

// Made is what a command has made, or how it has failed.
type Made struct {
	Wrong  string // how it has failed
	Killed bool   // by SIGKILL, and not by us
	Bytes  int64
	CPU    time.Duration
	Memory int64 // what its largest process has held
}

// Part is a file or a folder of those that a folder is to hold.
type Part struct {
	Name   string      // below the folder
	Mode   fs.FileMode // with its type
	Size   int64
	SHA256 string // of a file
}

// Lack is a file that is not there, or there up to an offset. From there on it follows, of
// all of them one after the other, compressed (zstd).
type Lack struct {
	SHA256 string
	From   int64
}

// Exit is how the service ended: the line of its report, or what is wrong with that.
type Exit struct {
	Line, Wrong string
}

// Piece is some of what the service has printed: so many bytes follow it. One whose
// offset is before that of the last one is of a file that was emptied.
type Piece struct {
	Offset int64
	Bytes  int
}

// Reached is how far a file has been read.
type Reached struct {
	Inode  uint64
	Offset int64
}

// Line is one of a file. One without a Text ends those that came at a time, and says
// how far the file is read with them.
type Line struct {
	File       string
	Text       string   `json:",omitempty"`
	Coloured   string   `json:",omitempty"`
	Unfinished bool     `json:",omitempty"`
	Reached    *Reached `json:",omitempty"`
}

// kinds are errors that stay what they are on the way.
var kinds = map[string]error{
	"not-exist": fs.ErrNotExist,
	"irregular": guest.ErrIrregular,
	"cut":       io.ErrUnexpectedEOF, // what was to follow has not come whole
}

// failure is an error that came from inside.
type failure struct {
	text string
	kind error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

// Err is the error of an answer, nil if there is none.
func (a Answer) Err() error {
	if a.Error == "" {
		return nil
	}
	return &failure{a.Error, kinds[a.Kind]}
}

// Waits says whether the call goes on for as long as who makes it wants.
func (r Request) Waits() bool {
	return r.Call == CallWait || r.Call == CallLines || r.Call == CallDial || r.Stay
}

// Encode gives a request as Serve reads it.
func (r Request) Encode() ([]byte, error) {
	text, err := json.Marshal(r)
	return append(text, '\n'), err
}
