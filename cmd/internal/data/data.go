// Package data lists, carries and removes the data of services: the folders of their
// containers that outlive these.
package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/data"
)

// Listed is a folder of the data of a service.
type Listed struct {
	deployer.Data
	Configured bool `json:"configured"` // the service still has it
}

// List gives the data of all services on this machine.
func List(ctx context.Context, c *config.Config) ([]Listed, error) {
	engine, err := machine.Engine(c, netip.Prefix{})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	return list(ctx, c, engine)
}

func list(ctx context.Context, c *config.Config, engine deployer.Engine) ([]Listed, error) {
	kept, err := engine.Data(ctx)
	all := []Listed{} // none is an empty list, in JSON too
	for _, d := range kept {
		s := c.Service(d.Service)
		all = append(all, Listed{d, s != nil && slices.Contains(s.Data, d.Folder)})
	}
	return all, err
}

// of gives what is kept of one service. That there is nothing is an error of usage.
func of(ctx context.Context, c *config.Config, engine deployer.Engine, service string) (found []Listed, err error) {
	all, err := list(ctx, c, engine)
	if err != nil {
		return nil, err
	}
	var others []string
	for _, d := range all {
		if d.Service == service {
			found = append(found, d)
		} else if !slices.Contains(others, d.Service) {
			others = append(others, d.Service)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case len(others) > 0:
		return nil, exit.Usagef("there are no data of %q; there are some of: %s", service, strings.Join(others, ", "))
	}
	return nil, exit.Usagef("there are no data of %q, nor of another service: those with data in the configuration have some once they were deployed", service)
}

// Export writes the data of a service as a tar archive.
func Export(ctx context.Context, c *config.Config, service string, to io.Writer) error {
	engine, err := machine.Engine(c, netip.Prefix{})
	if err != nil {
		return err
	}
	defer engine.Close()
	if _, err := of(ctx, c, engine, service); err != nil {
		return err
	}
	return engine.ExportData(ctx, service, to)
}

// Reset removes the data of a service, if agree says so of what they are. The service
// is down meanwhile.
func Reset(ctx context.Context, c *config.Config, service string, agree func([]Listed) error) error {
	engine, err := machine.Engine(c, netip.Prefix{})
	if err != nil {
		return err
	}
	defer engine.Close()
	found, err := of(ctx, c, engine, service)
	if err == nil {
		err = agree(found)
	}
	if err != nil {
		return err
	}
	if c.Service(service) == nil { // no agent cares for it
		return engine.RemoveData(ctx, service)
	}
	return change(ctx, c, engine, control.DataRequest{Service: service}, func() error { return engine.RemoveData(ctx, service) })
}

// Import makes the data of a service what an archive holds, and gives the folders in it
// that the configuration does not name. The service is down meanwhile.
func Import(ctx context.Context, c *config.Config, service string, open func() (io.ReadCloser, error), file string) (unused []string, err error) {
	switch s := c.Service(service); {
	case s == nil:
		return nil, exit.Usagef("no service %q in the configuration; there are: %s", service, strings.Join(c.Order(), ", "))
	case len(s.Data) == 0:
		return nil, exit.Usagef(`%s has no data in the configuration: add data = ["/the/folder"] to [service.%s] first`, service, service)
	}
	archive, err := open()
	if err != nil {
		return nil, exit.AsUsage(err)
	}
	defer archive.Close()
	if err := check(c.Service(service).Data, file); err != nil {
		return nil, exit.Usagef("%s cannot be the data of %s, which stay as they are: %w", file, service, err)
	}
	if file, err = filepath.Abs(file); err != nil {
		return nil, err
	}
	engine, err := machine.Engine(c, netip.Prefix{})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	err = change(ctx, c, engine, control.DataRequest{Service: service, Import: file}, func() error { return engine.ImportData(ctx, service, archive) })
	if err != nil {
		return nil, err
	}
	found, err := of(ctx, c, engine, service)
	for _, d := range found {
		if !d.Configured {
			unused = append(unused, d.Folder)
		}
	}
	return unused, err
}

// check reads an archive before anything is stopped for it; what can be read once only
// is looked at while it is taken.
func check(folders []string, file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a folder, and has to be a tar archive, as jarloop data export writes one")
	case !info.Mode().IsRegular():
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return data.Check(f, folders)
}

// change asks the agent, which has the service stopped meanwhile. Where none runs it is
// done here, and none can start.
func change(ctx context.Context, c *config.Config, engine machine.Containers, r control.DataRequest, do func() error) error {
	err := control.NewClient(folders.Socket(c)).ChangeData(ctx, r)
	if !errors.Is(err, control.ErrNoAgent) {
		return err
	}
	lock, err := folders.Lock(ctx, c)
	if err != nil {
		return err
	}
	defer lock.Close()
	_, release, err := machine.Lease(ctx, engine, func(text string) { fmt.Fprintln(os.Stderr, text) })
	if err != nil {
		return err
	}
	return errors.Join(do(), release())
}
