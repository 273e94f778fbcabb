package incus

import (
	"context"
	"errors"
	"io"

	"github.com/jarloop/jarloop/deployer"
)

// errNoData says that this engine keeps no data of services yet.
var errNoData = errors.New("the engine incus keeps no data of services: leave data out, or run this service on one machine with the engine lxc")

// Data gives none: an instance that asks for any is not made.
func (e *Engine) Data(context.Context) ([]deployer.Data, error) { return nil, nil }

// SaveData has nothing to save.
func (e *Engine) SaveData(context.Context, string) error { return nil }

// RestoreData has no copy.
func (e *Engine) RestoreData(context.Context, string) error { return nil }

// DropSavedData has no copy.
func (e *Engine) DropSavedData(context.Context, string) error { return nil }

// RemoveData has none to remove.
func (e *Engine) RemoveData(context.Context, string) error { return nil }

// ExportData cannot be done.
func (e *Engine) ExportData(context.Context, string, io.Writer) error { return errNoData }

// ImportData cannot be done.
func (e *Engine) ImportData(context.Context, string, io.Reader) error { return errNoData }

var _ deployer.Engine = (*Engine)(nil)
