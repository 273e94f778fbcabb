package deployer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jarloop/jarloop/deployer/crash"
)

// Phase is where a generation is in its life.
type Phase string

// The phases, in the order in which a generation goes through them.
const (
	Making    Phase = "making"    // its container is being made
	Standby   Phase = "standby"   // booted, waiting for artefacts
	Candidate Phase = "candidate" // has artefacts, not proven yet
	Live      Phase = "live"      // names and ports lead to it
	Draining  Phase = "draining"  // finishes what it was doing
	Kept      Phase = "kept"      // has failed; its service has ended, its container has not
)

// Record is what is written of a generation in its container's folder.
type Record struct {
	Format  int // of this record
	Service string
	Number  int
	Phase   Phase
	Set     string     `json:",omitempty"` // ID of the artefact set
	Address netip.Addr // invalid while DHCP has given none
	Prefix  int        `json:",omitempty"` // length of the network's prefix; 0 with DHCP
	// Fixed is the service's own address, the same for each of its
	// generations; invalid where names lead to what is live.
	Fixed       netip.Addr `json:",omitzero"`
	Port        uint16     `json:",omitempty"` // that it listens on
	Base        string
	Fingerprint string    // of the service's configuration
	Since       time.Time // when it went live; for people, and for whose standby is given up first
	// With are generations that went live in the same act, by their names: where
	// this one is live, they are, whatever their records say yet.
	With []string `json:",omitempty"`
}

// recordFile is a record's name inside the container's folder. It is our mark:
// a container without one is never touched.
const recordFile = "jarloop.json"

const recordFormat = 1

// Generation is one container of a service.
type Generation struct {
	Record
	// init is the process ID of the container's init; 0 when it does not run.
	init atomic.Int64
	// root is nil when the container does not run.
	root Root
	// reports is the host's folder for what the service prints; empty until the
	// container's folder is claimed.
	reports string
	// stale says that names changed after the service had started.
	stale bool
	// finished ends what follows the output, and waits for it; nil: nothing
	// does.
	finished func()
}

// Name is the container's name: frontend-8.
func (r *Record) Name() string { return r.Service + "-" + strconv.Itoa(r.Number) }

// target is where the generation's service listens.
func (g *Generation) target() netip.AddrPort {
	return netip.AddrPortFrom(g.Address, g.Port)
}

// write makes r the record of its container, whose folder must exist.
func (r Record) write(folder string) error {
	defer crash.Point("record " + string(r.Phase))()
	r.Format = recordFormat
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(folder, recordFile), append(text, '\n'), 0o600)
}

// errNotOurs says that a container has no record of ours.
var errNotOurs = errors.New("not a generation")

// readRecord reads the record in a container's folder.
func readRecord(folder string) (Record, error) {
	text, err := os.ReadFile(filepath.Join(folder, recordFile))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return Record{}, errNotOurs
	}
	if err != nil {
		return Record{}, err
	}
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return Record{}, fmt.Errorf("%s: %w", filepath.Join(folder, recordFile), err)
	}
	if r.Format > recordFormat {
		return Record{}, fmt.Errorf("%s: written by a newer jarloop (format %d, this one knows %d)",
			filepath.Join(folder, recordFile), r.Format, recordFormat)
	}
	return r, nil
}

var generationName = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)-(0|[1-9][0-9]*)$`)

// parseName splits a container's name into service and number.
func parseName(name string) (service string, number int, ok bool) {
	m := generationName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	number, err := strconv.Atoi(m[2])
	return m[1], number, err == nil
}
