// Command keeper does one thing with the data of the service trial, and is built to be
// killed at it: keeper PATH CHILD ACT [FILE].
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/jarloop/jarloop/deployer/lxc"
)

func main() {
	if err := do(context.Background(), os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func do(ctx context.Context, path, child, act string, files []string) error {
	e, err := lxc.New(lxc.Options{Path: path, Logs: path, Child: []string{child}, DataCopyLimit: 1 << 30})
	if err != nil {
		return err
	}
	defer e.Close()
	switch act {
	case "save":
		return e.SaveData(ctx, "trial")
	case "restore":
		return e.RestoreData(ctx, "trial")
	case "drop":
		return e.DropSavedData(ctx, "trial")
	case "remove":
		return e.RemoveData(ctx, "trial")
	case "export":
		return e.ExportData(ctx, "trial", io.Discard)
	case "import":
		f, err := os.Open(files[0])
		if err != nil {
			return err
		}
		defer f.Close()
		return e.ImportData(ctx, "trial", f)
	}
	return fmt.Errorf("unknown act %q", act)
}
