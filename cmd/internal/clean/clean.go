// Package clean removes all that jarloop has made on a machine.
package clean

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/cmd/internal/machine"
	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/logs"
	"github.com/jarloop/jarloop/network"
	"github.com/jarloop/jarloop/network/relay"
)

// Also is what is removed only where that is asked for.
type Also struct{ Bases, Data bool }

// All removes everything that it can, and says at the end what it could not. The
// caller holds the lock of the folders. An agent may run that has other folders: names
// and ports are its own then, and so are bases, data, and containers that print
// elsewhere.
func All(ctx context.Context, c *config.Config, also Also, say func(string)) (errs error) {
	engine, err := machine.Engine(c, netip.Prefix{})
	if err != nil {
		return err
	}
	defer engine.Close()
	_, release, err := machine.Lease(ctx, engine, say)
	if err != nil {
		return err
	}
	defer func() { errs = errors.Join(errs, release()) }()
	err = network.RemoveRules(ctx, c.LXC.Bridge)
	held := errors.Is(err, network.ErrHeld)
	removed, e := deployer.RemoveAll(ctx, engine, func(service string, number int) bool {
		f := logs.FolderOf(folders.Logs(c), service, number)
		_, none := os.Stat(f.Reports())
		_, gone := os.Stat(f.Record()) // what ours printed that had the name before
		return held && (none != nil || gone == nil)
	})
	for _, name := range removed {
		say("removed container " + name)
	}
	errs = errors.Join(errs, e)
	if opener, can := engine.(deployer.PortOpener); can && !held {
		removed, err := opener.ClosePorts(ctx)
		for _, name := range removed {
			say("removed container " + name)
		}
		errs = errors.Join(errs, err)
	}
	if !held {
		errs = errors.Join(errs, unshare(ctx, engine), cleanData(ctx, engine, also.Data, say))
	}
	switch {
	case held:
		say("left rules, bases, data and containers of another agent as they are: " + err.Error())
	case err != nil:
		errs = errors.Join(errs, err)
	default:
		say("removed rules")
	}
	if also.Bases && !held {
		errs = errors.Join(errs, bases.RemoveAll(ctx, c, say))
	}
	errs = errors.Join(errs, bases.RemoveBuilds(ctx, c))
	errs = errors.Join(errs, relay.New(relay.Options{Folder: c.Run}).EndAll(ctx))
	if errs != nil {
		return errs // what is left has to be found again
	}
	if err := removeFolders(c); err != nil {
		return err
	}
	say("removed artefact sets, logs and history")
	return nil
}

// unshare removes the libraries and archives that containers shared.
func unshare(ctx context.Context, engine deployer.Engine) error {
	all, err := engine.Shared(ctx)
	for _, f := range all {
		err = errors.Join(err, engine.Unshare(ctx, f.Name))
	}
	return err
}

// cleanData removes the data of services, or says that they stay.
func cleanData(ctx context.Context, engine deployer.Engine, remove bool, say func(string)) error {
	kept, err := engine.Data(ctx)
	var services []string
	for _, d := range kept {
		if !slices.Contains(services, d.Service) {
			services = append(services, d.Service)
		}
	}
	if !remove && len(services) > 0 {
		say("the data of " + strings.Join(services, ", ") + " stay: jarloop clean --data removes them")
		return err
	}
	for _, service := range services {
		if e := engine.RemoveData(ctx, service); e != nil {
			err = errors.Join(err, e)
			continue
		}
		say("removed data of " + service)
	}
	return err
}

// removeFolders removes what is in the program's folders, and these where nothing
// of somebody else is left in them.
func removeFolders(c *config.Config) error {
	defer crash.Point("remove folders")()
	var errs error
	for _, path := range []string{folders.Sets(c), folders.Logs(c), folders.Shared(c), folders.History(c), folders.Scratch(c), folders.Bases(c), folders.PageToken(c), folders.Members(c), folders.Socket(c), folders.LockFile(c)} {
		errs = errors.Join(errs, os.RemoveAll(path))
	}
	for _, folder := range []string{c.State, c.Run} {
		if left, err := filepath.Glob(filepath.Join(folder, "*")); err == nil && len(left) == 0 {
			errs = errors.Join(errs, os.Remove(folder))
		}
	}
	return errs
}
