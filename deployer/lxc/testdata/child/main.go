// Command child is the child of the tests: liblxc forks, and the race detector
// that the tests themselves run under does not bear that.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jarloop/jarloop/deployer/lxc"
)

func main() {
	if err := lxc.Serve(os.Stdin, os.Stdout, writeHello); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func writeHello(root string, files io.Reader) error {
	text, err := io.ReadAll(files)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "etc/hello"), text, 0o644)
}
