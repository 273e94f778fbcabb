package rootfs

import (
	"context"
	_ "embed" // the script

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
)

//go:embed scripts/chroot.sh
var chrootScript string

// Progress receives what is done with a root. Line and Moved are called while a
// tool runs, each from a goroutine of its own.
type Progress interface {
	// Step says what begins now, in a few words.
	Step(what string)
	// Line is a line that a tool has printed.
	Line(text string)
	// Moved says how many bytes of a step's are done.
	Moved(done, all int64)
}

// inside runs a shell line inside the root.
func inside(ctx context.Context, root string, p Progress, line string) error {
	return tool.Run(ctx, p.Line, "sh", "-c", chrootScript, "sh", root, line)
}
