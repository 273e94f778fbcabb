// Command map says "up" when it has mapped a file into its memory, and does not end.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	f, err := os.Open(os.Args[1])
	if err == nil {
		_, err = unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("up")
	for {
		_ = unix.Pause() // until a signal ends it
	}
}
