package incus

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jarloop/jarloop/deployer"
)

// errNoShares says that instances share no files yet, so that nothing is started fast.
var errNoShares = fmt.Errorf("the engine incus shares no files between instances: %w", errors.ErrUnsupported)

// Share cannot be done.
func (e *Engine) Share(context.Context, string, func(io.Writer) error) error { return errNoShares }

// Shared cannot be done.
func (e *Engine) Shared(context.Context) ([]deployer.SharedFile, error) { return nil, errNoShares }

// Unshare cannot be done.
func (e *Engine) Unshare(context.Context, string) error { return errNoShares }

// Produce cannot be done.
func (e *Engine) Produce(context.Context, deployer.Production) (deployer.Produced, error) {
	return deployer.Produced{}, errNoShares
}

// Mapped cannot be done.
func (e *Engine) Mapped(context.Context, string) ([]string, error) { return nil, errNoShares }
