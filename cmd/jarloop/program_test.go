package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

var programFolders []string

var (
	// buildProgram gives the program under test, built once.
	buildProgram = onceBuilt()
	// buildCrashing gives one that dies where package crash is told to.
	buildCrashing = onceBuilt("-tags", "crashpoints")
)

func onceBuilt(flags ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "jarloop-program-")
		if err != nil {
			return "", err
		}
		programFolders = append(programFolders, dir)
		program := filepath.Join(dir, "jarloop")
		// Without the race detector: liblxc forks, and it does not bear that. With the
		// flags of "make build", which has compiled most of it.
		build := exec.Command("go", slices.Concat([]string{"build", "-buildvcs=false", "-trimpath", "-o", program}, flags, []string{"."})...)
		build.Env = append(os.Environ(), "GOFLAGS=") // which may ask for the race detector
		out, err := build.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("build the program: %w: %s", err, out)
		}
		return program, nil
	})
}

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // as on the VM, whatever whoever runs the tests has
	status := m.Run()
	for _, dir := range programFolders {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}
