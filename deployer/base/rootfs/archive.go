package rootfs

import (
	"context"
	_ "embed" // the script
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
)

//go:embed scripts/unpack.sh
var unpackScript string

// keepAll are tar's arguments that keep all that a root consists of: owners as
// numbers, capabilities and other attributes, access lists.
var keepAll = []string{"--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls"}

// mostWindow is how much memory an archive may ask of its reader: what "zstd
// -19" does, and far more than Pack.
const mostWindow = 64 << 20

// Pack writes the root to w, as a tar archive that is compressed with zstd.
func Pack(ctx context.Context, root string, w io.Writer, p Progress) error {
	encoder, err := zstd.NewWriter(w)
	if err != nil {
		return err
	}
	err = Archive(ctx, root, "", encoder, p)
	if e := encoder.Close(); err == nil {
		err = e
	}
	return err
}

// Archive writes the root to w, as a tar archive in which it is called name; "" is
// a point.
func Archive(ctx context.Context, root, name string, w io.Writer, p Progress) error {
	p.Step("measure")
	total, err := Size(ctx, root)
	if err != nil {
		return err
	}
	p.Step("pack")
	args := append([]string{"--create", "--file=-", "--directory=" + root, "--one-file-system", "--sparse"}, keepAll...)
	if name != "" { // of files and of what hard links name, and not what symbolic links do
		args = append(args, "--transform=flags=rhS;s|^[.]|"+name+"|")
	}
	err = tool.Pipe(ctx, p.Line, nil, io.MultiWriter(w, &meter{all: total, p: p}), "tar", append(args, ".")...)
	if err != nil {
		return fmt.Errorf("pack the root: %w", err)
	}
	return nil
}

// Unpack makes the recipe's root in root, an empty folder, of an archive that
// has size bytes. Whatever it holds, nothing outside of the root is written. If
// the error is exec.ErrWaitDelay, archive may still be read.
func Unpack(ctx context.Context, r Recipe, root string, archive io.Reader, size int64, p Progress) error {
	p.Step("unpack")
	world := root + ".unpack"
	if err := os.Mkdir(world, 0o700); err != nil {
		return err
	}
	archive = io.TeeReader(archive, &meter{all: size, p: p})
	// One goroutine reads no further than tar does, so that the caller knows
	// what is left.
	decoder, err := zstd.NewReader(archive, zstd.WithDecoderMaxWindow(mostWindow), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer decoder.Close()
	args := append([]string{"-c", unpackScript, "sh", world, root,
		"--extract", "--file=-", "--same-owner", "--preserve-permissions"}, keepAll...)
	if err := tool.Pipe(ctx, p.Line, decoder, nil, "sh", args...); err != nil {
		return fmt.Errorf("unpack the root: %w", err)
	}
	if err := os.Remove(world); err != nil {
		return err
	}
	return ShiftOwners(ctx, root, r.First, p)
}

// meter counts what is written to it, and reports every megabyte of all.
type meter struct {
	done, reported, all int64
	p                   Progress
}

// Write never fails.
func (m *meter) Write(b []byte) (int, error) {
	m.done += int64(len(b))
	if m.done-m.reported >= 1e6 && m.all > 0 {
		m.reported = m.done
		m.p.Moved(min(m.done, m.all), m.all)
	}
	return len(b), nil
}
