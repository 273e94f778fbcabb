package deployer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"time"
)

// Phase is where a generation is in its life.
type Phase string

// The phases, in the order in which a generation goes through them.
const (
	Making      Phase = "making"    // its container is being made
	Standby     Phase = "standby"   // booted, waiting for artefacts
	Candidate   Phase = "candidate" // has artefacts, not proven yet
	Live        Phase = "live"      // names and ports lead to it
	Draining    Phase = "draining"  // finishes what it was doing
	KeptFailure Phase = "kept"      // has failed; its service has ended, its container has not
)

// Generation is one container of a service, as its record describes it. A value
// is never changed once it has been handed on: what changes is another value.
type Generation struct {
	Format  int // of the record
	Service string
	// Number names it. It does not order: a standby may be older than what has
	// gone live since. See Ordinal.
	Number int
	Phase  Phase
	Set    string `json:",omitempty"` // ID of the artefact set
	// Ordinal counts what has been live of the service: each time a generation
	// goes live, anew or again, it gets the next one. One that never was live
	// has that of the newest that was when its artefacts came.
	Ordinal int        `json:",omitempty"`
	Address netip.Addr // invalid while DHCP has given none
	Prefix  int        `json:",omitempty"` // length of the network's prefix; 0 with DHCP
	// VIP is the service's virtual IP, the same for each of its generations;
	// invalid where names lead to what is live.
	VIP netip.Addr `json:"Fixed,omitzero"`
	// Port is what it listens on, as it is written or was found; 0: not known yet,
	// or none.
	Port        uint16 `json:",omitempty"`
	Base        string
	Fingerprint string    // of the service's configuration
	Guest       string    `json:",omitempty"` // of the part of it that a standby is made by
	Since       time.Time // when it went live; for people
	// With are generations that went live in the same act, by their names: where
	// this one is live, they are, whatever their records say yet.
	With []string `json:",omitempty"`
	// Yields names the generation for which the service of this one, which is live
	// still, ends on purpose; empty: for none. Until that one is live too, this one
	// is to serve again on its data as they were.
	Yields string `json:",omitempty"`

	// Start is how its service was started; nil: not by java -jar.
	Start *Start `json:",omitempty"`

	// output follows what it prints; nil: nobody does.
	output *follower
	// news is what was found out about it, for people.
	news string
}

const recordFormat = 1

// Name is the instance's name: frontend-8.
func (g *Generation) Name() string {
	if g == nil {
		return ""
	}
	return g.Service + "-" + strconv.Itoa(g.Number)
}

// target is where the generation's service listens.
func (g *Generation) target() netip.AddrPort { return netip.AddrPortFrom(g.Address, g.Port) }

// at is where it is reached, for people: its address alone where it has no port.
func (g *Generation) at() string {
	if g.Port == 0 {
		return g.Address.String()
	}
	return g.target().String()
}

// later says whether g went live later than o, or was made later where none of
// them has been live. Records of earlier versions have no ordinal.
func (g *Generation) later(o *Generation) bool {
	if o == nil {
		return true
	}
	if g.Ordinal != o.Ordinal {
		return g.Ordinal > o.Ordinal
	}
	return g.Number > o.Number
}

// Compare orders generations by when they were live, those that never were after
// the one that was when their artefacts came.
func Compare(a, b *Generation) int {
	never := func(g *Generation) int {
		if g.Phase == Live || g.Phase == Draining {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Ordinal, b.Ordinal), cmp.Compare(never(a), never(b)), cmp.Compare(a.Number, b.Number))
}

// in gives the generation in another phase.
func (g *Generation) in(p Phase) *Generation {
	next := *g
	next.Phase, next.Yields = p, ""
	return &next
}

// record is what is kept of it with its instance.
func (g *Generation) record() ([]byte, error) {
	r := *g
	r.Format = recordFormat
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// errCopied says that a record is not of the instance that has it.
var errCopied = errors.New("it has come with a copy, or by another name: remove it by hand")

// ParseRecord reads the record of an instance.
func ParseRecord(name string, record []byte) (*Generation, error) {
	g := &Generation{}
	if err := json.Unmarshal(record, g); err != nil {
		return nil, fmt.Errorf("read the record of %s: %w", name, err)
	}
	if g.Format > recordFormat {
		return nil, fmt.Errorf("read the record of %s: written by a newer jarloop (format %d, this one knows %d)", name, g.Format, recordFormat)
	}
	if g.Name() != name {
		return nil, fmt.Errorf("read the record of %s: %w", name, errCopied)
	}
	return g, nil
}

var generationName = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)-(0|[1-9][0-9]*)$`)

// parseName splits an instance's name into service and number.
func parseName(name string) (service string, number int, ok bool) {
	m := generationName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	number, err := strconv.Atoi(m[2])
	return m[1], number, err == nil
}
