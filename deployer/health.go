package deployer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Health is what proves a new generation: all that is given has to be so at once.
type Health struct {
	// Port is asked in place of the service's own; 0: that one.
	Port uint16
	// Path is requested of the port; empty: it only has to accept a connection,
	// and nothing is sent. What follows is of the request alone.
	Path string
	// HTTPS asks over TLS, and takes any certificate.
	HTTPS   bool
	Method  string // empty: GET
	Host    string // of the request; empty: its address
	Headers map[string]string
	// Status are those that are healthy; none: below 300.
	Status []StatusRange
	// Command is a shell command line, run inside, that ends with status 0.
	Command string
	// Log is a regular expression that a line of its output matches.
	Log string
	// Up is how long its process lives by then.
	Up time.Duration
	// TryTimeout is how long one try may take, and Timeout all of them.
	TryTimeout, Timeout time.Duration
}

// StatusRange are the HTTP statuses from First to Last.
type StatusRange struct{ First, Last int }

// ParseStatusRange reads "200", "2xx" or "200-399".
func ParseStatusRange(text string) (StatusRange, error) {
	low, high, isRange := strings.Cut(text, "-")
	if digit, isClass := strings.CutSuffix(text, "xx"); isClass {
		low, high, isRange = digit+"00", digit+"99", true
	}
	if !isRange {
		high = low
	}
	first, err := strconv.Atoi(low)
	last, errLast := strconv.Atoi(high)
	if err != nil || errLast != nil || first < 200 || last > 599 || first > last {
		return StatusRange{}, fmt.Errorf("%q is no HTTP status from 200 to 599, nor a range of them", text)
	}
	return StatusRange{first, last}, nil
}

func (r StatusRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// asksHTTP says whether the service is known to speak HTTP/1, of which each connection
// has one request after the other.
func (h Health) asksHTTP() bool { return h.Path != "" && !h.HTTPS }

// opensOnly says whether a port that accepts a connection is all that is proven.
func (h Health) opensOnly() bool { return h.Path == "" && h.Command == "" && h.Log == "" }

// wants says whether an answer with that status is healthy.
func (h Health) wants(status int) bool {
	for _, r := range h.Status {
		if r.First <= status && status <= r.Last {
			return true
		}
	}
	return len(h.Status) == 0 && status < 300
}

// pattern is what a line of the output has to match; nil: nothing.
func (h Health) pattern() *regexp.Regexp {
	if h.Log == "" {
		return nil
	}
	return regexp.MustCompile(h.Log) // the configuration has checked it
}
