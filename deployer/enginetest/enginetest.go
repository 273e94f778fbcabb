// Package enginetest holds each deployer.Engine to what it promises. The real
// one and the fake of the tests pass the same suite, so what is tested on the
// fake holds of containers.
//
// The suite reaches an instance by its engine alone, but for what an engine
// cannot do, which is the Harness's: what other people do to instances by hand,
// and how a command looks that does something.
package enginetest

import (
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

// Harness is an engine on trial, with what the suite needs beside it.
type Harness struct {
	Engine deployer.Engine
	// Base is what instances are made of.
	Base string
	// Address gives one that no instance has had; the zero Prefix lets them ask
	// for one.
	Address func() netip.Prefix
	// Restart gives another engine of the same instances, as the next agent has
	// it. What the one before knew in memory is lost.
	Restart func(t *testing.T) deployer.Engine

	Hands
	Services
	Commands
	// Mapper gives the program that Services.Map finds among its artefacts by the name
	// map; nil: it needs none.
	Mapper func(t *testing.T) string

	// Irregular are names inside an instance that lead to something which is no
	// regular file.
	Irregular []string
	// BaseFile is a regular file that the base has, in a folder that can be data.
	BaseFile string
	// NoData says why the engine keeps no data of services; "": it does. It is held then
	// to making no instance that has any, and the rest of that part is skipped.
	NoData string
}

// Hands is what people, and power cuts, do to instances.
type Hands struct {
	// Foreign makes what is nobody's instance, but has the name of one.
	Foreign func(t *testing.T, name string)
	// HalfMade leaves an instance whose making was cut off, HalfRemoved one
	// whose removal was.
	HalfMade, HalfRemoved func(t *testing.T, s deployer.Spec)
	// HalfProduced leaves what an agent does that is killed while the command of a
	// production runs.
	HalfProduced func(t *testing.T, p deployer.Production)
	// Hang lets the starts of a stopped instance hang until heal is called.
	Hang func(t *testing.T, name string) (heal func())
	// Halt begins to halt a running instance, and does not wait for its end.
	Halt func(t *testing.T, name string)
	// Vanish makes an instance end at once, and removes it with its record.
	Vanish func(t *testing.T, name string)
}

// Services are what an instance can run. Each prints the line "up" when it has
// begun, and runs on unless it says otherwise.
type Services struct {
	// Serve listens on a TCP port, and keeps connections until they are closed.
	Serve func(port uint16) deployer.Command
	// Exit ends with a status.
	Exit func(status int) deployer.Command
	// Deaf does not end when it is asked to.
	Deaf func() deployer.Command
	// Parent ends at once when it is asked to. It has a child that takes half a
	// second for that, and prints "asked" at its end.
	Parent func() deployer.Command
	// Print prints lines, and after them "up".
	Print func(lines ...string) deployer.Command
	// Append adds lines to a file inside, before "up".
	Append func(file string, lines ...string) deployer.Command
	// Show prints the value of a variable of the environment in a line of its
	// own, then its folder in another.
	Show func(variable string) deployer.Command
	// Take takes ever more memory, after "up".
	Take func() deployer.Command
	// Map maps a file into its memory.
	Map func(file string) deployer.Command
}

// Commands are what can be run inside beside the service.
type Commands struct {
	Write  func(file, text string) []string // writes the text to the file
	Say    func(text string) []string       // prints the text and a newline
	FailBy func(status int) []string        // prints "failed" and ends with the status
	Sleep  func() []string                  // does not end by itself
	Listen func(port uint16) []string       // has something listen on a TCP port, and ends

	Copy       func(from, to string) []string // copies a file
	Interfaces func(file string) []string     // writes the names of the network interfaces to a file
	TakeMore   func() []string                // takes ever more memory
	Fill       func(file string) []string     // writes ever more to a file
}

// trials is how many there have been.
var trials atomic.Int64

// Together is how many promises are tried at a time where the machine bears as many as it
// has processors.
const Together = math.MaxInt16

// Run holds the engine of each new harness to what deployer.Engine promises, at most so
// many promises at a time, since most of it is waiting. Harnesses must not see each
// other's instances. What a promise has left is removed after it.
func Run(t *testing.T, together int, newHarness func(t *testing.T) Harness) {
	turns := make(chan struct{}, together)
	for _, part := range [][]promise{makes, boots, runs, ends, inside, prints, data, noData, bears, shares, produces} {
		for _, p := range part {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				turns <- struct{}{}
				t.Cleanup(func() { <-turns })
				h := newHarness(t)
				n := trials.Add(1)
				r := &trial{T: t, Harness: h, service: fmt.Sprintf("trial%d", n), other: fmt.Sprintf("other%d", n)}
				if h.NoData != "" && p.ofData {
					t.Skip("NOT KEPT: " + h.NoData)
				}
				t.Cleanup(r.removeAll)
				p.holds(r)
			})
		}
	}
}

// promise is one of an engine's, in a sentence.
type promise struct {
	name  string
	holds func(t *trial)
	// ofData says that it is of an engine which keeps data.
	ofData bool
}
