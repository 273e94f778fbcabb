// Command child is the child of the tests: liblxc forks, and the race detector
// that the tests themselves run under does not bear that.
package main

import (
	"fmt"
	"os"

	"github.com/jarloop/jarloop/deployer/lxc"
)

func main() {
	if err := lxc.Serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
