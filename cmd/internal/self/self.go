// Package self says what the program knows of itself: its version, and how it is
// called again as a process that does one thing for it.
package self

import (
	"os"
	"path/filepath"
	"runtime/debug"
)

// version is set by the build; without it the module's own says what it can.
var version = ""

// Version is the program's.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// LXCCall is the hidden verb that makes one call of liblxc.
const LXCCall = "lxc-call"

// LXCChild is the command that makes one call of liblxc: this very program, even
// when its file has been replaced since.
func LXCChild() []string { return []string{"/proc/self/exe", LXCCall} }

// Relay is the hidden verb that keeps connections to a service waiting.
const Relay = "relay"

// RelayChild is the command that does so.
func RelayChild() []string { return []string{"/proc/self/exe", Relay} }

// Guest is the file of the static program for containers of a cluster, where it is
// installed with this one.
func Guest() (string, error) {
	program, err := os.Executable()
	return filepath.Join(filepath.Dir(program), "..", "lib", "jarloop", "guest"), err
}
