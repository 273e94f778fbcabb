package incus

import (
	"context"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// Install brings artefacts into a running instance, with the shared files that it runs
// with to its member, and names what runs them.
func (e *Engine) Install(ctx context.Context, name, source, target string, c deployer.Command) error {
	service, _, _ := parseName(name)
	command := guest.Unit{Service: service, Exec: c.Line, Dir: c.Dir, Env: c.Env}.Command()
	r := inside.Request{Call: inside.CallInstall, Command: &command}
	var err error
	if r.Shared, err = e.sharedParts(c.Shared); err != nil {
		return err
	}
	var a inside.Answer
	if source == "" {
		a, err = e.within(ctx, name, quick, r)
	} else {
		r.Target = target
		var files brought
		if files, err = filesOf(ctx, source); err == nil {
			a, err = e.bring(ctx, e.streamTo(name), r, files)
		}
	}
	if err != nil || len(a.Names) == 0 {
		return err
	}
	i, err := e.running(ctx, name)
	if err != nil {
		return err
	}
	return e.fill(ctx, i.Location, i.Config[keyOf], a.Names)
}
