// Command jarloop redeploys the services of a Java developer while they are
// being built. See the README for what it does, and ARCHITECTURE.md for how.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
