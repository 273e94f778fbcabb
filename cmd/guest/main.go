// Guest is the program that an engine runs inside containers which it reaches by an
// API alone. It is static, and put there by the engine. As process 1 it does nothing: a
// container is there for the calls then.
package main

import (
	"fmt"
	"os"

	"github.com/jarloop/jarloop/deployer/incus/inside"
)

func main() {
	if os.Getpid() == 1 {
		fmt.Fprintln(os.Stderr, inside.Idle()) // the console of the instance
		os.Exit(1)
	}
	os.Exit(inside.Serve(os.Stdin, os.Stdout))
}
