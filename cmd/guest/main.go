// Guest is the program that an engine runs inside containers which it reaches by an
// API alone. It is static, and put there by the engine.
package main

import (
	"os"

	"github.com/jarloop/jarloop/deployer/incus/inside"
)

func main() { os.Exit(inside.Serve(os.Stdin, os.Stdout)) }
