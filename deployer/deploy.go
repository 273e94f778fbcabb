package deployer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"

	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/watcher"
)

// deploy makes the artefact set the live generation of s, in place of old,
// which may be nil. When it fails, old is live as before, and nothing of the
// new generation is left but what it printed, and what is kept of it to be
// looked into (undoInstall).
func (d *Deployer) deploy(ctx context.Context, s Service, set watcher.Set, old, standby *Generation) (*Generation, []Step, error) {
	t := &transaction{ctx: ctx}
	discard := func(g *Generation) func(context.Context) error {
		return func(ctx context.Context) error { return d.discard(ctx, g, 0) }
	}

	g := standby
	if g == nil {
		g = d.prepare(t, s)
	}
	if len(s.Before) > 0 {
		t.step("before_deploy", func(ctx context.Context) error {
			return d.Hook(ctx, hookOf("before_deploy", s.Before, s, g, old, set.ID))
		}, discard(g))
	}
	t.step("install", func(ctx context.Context) error { return d.install(ctx, s, g, set) }, d.undoInstall(t, g))
	t.step("wait for needs", func(ctx context.Context) error { return d.await(ctx, s) }, nil)
	t.step("start", func(ctx context.Context) error { return d.startUnit(ctx, g) }, nil)
	t.step("prove", func(ctx context.Context) error { return d.prove(ctx, s, g) }, nil)
	t.step("switch", func(ctx context.Context) error { return d.build.promote(ctx, d, move{s, g, old}) },
		func(ctx context.Context) error { return d.wiring.set(ctx, map[string]*Generation{s.Name: old}) })
	t.err = d.blame(t.err)
	return g, t.steps, t.finish()
}

// await waits for the services that s needs, and says so when it has to.
func (d *Deployer) await(ctx context.Context, s Service) error {
	waits := false
	err := d.wiring.await(ctx, s, func(missing []string) {
		d.tell(Event{Kind: Waiting, Service: s.Name, Reason: "waits for " + strings.Join(missing, ", ")})
		d.calm.end() // it may wait for ever, and is no reason for others to
		d.build.end(s.Name, nil)
		waits = true
	})
	if waits {
		d.calm.begin()
		d.build.begin(s.Name)
	}
	return err
}

// prepare makes a generation and boots it, up to where it waits for
// artefacts. It is half of a deploy, and all that a standby is.
func (d *Deployer) prepare(t *transaction, s Service) *Generation {
	g := d.next(s)
	t.step("reserve", func(ctx context.Context) error { return d.reserve(ctx, s, g) },
		func(ctx context.Context) error { return d.discard(ctx, g, 0) })
	t.step("clone", func(ctx context.Context) error { return d.clone(ctx, s, g) }, nil)
	t.step("boot", func(ctx context.Context) error { return d.boot(ctx, g) }, nil)
	t.step("join", func(ctx context.Context) error { return d.join(s, g) }, nil)
	return g
}

// next names the generation after the newest that there is or ever was.
func (d *Deployer) next(s Service) *Generation {
	return &Generation{Record: Record{
		Service: s.Name, Number: d.nextNumber(s.Name), Phase: Making,
		Fixed: d.wiring.fixedOf(s.Name), Port: s.Port, Base: s.Base, Fingerprint: s.fingerprint(),
	}}
}

// reserve takes an address, and says in the folder of the container to be
// whose it is, before there is anything that could be left behind.
func (d *Deployer) reserve(ctx context.Context, s Service, g *Generation) error {
	prefix, err := d.Network.Lease(ctx, g.Name())
	if err != nil {
		return err
	}
	if prefix.IsValid() {
		g.Address, g.Prefix = prefix.Addr(), prefix.Bits()
	}
	if err := g.claim(d.Machine.Folder(g.Name())); err != nil {
		return fmt.Errorf("make room for the container: %w", err)
	}
	g.reports = d.reportsOf(g)
	return os.MkdirAll(g.reports, 0o755)
}

// clone makes the container, and writes into it all that its boot must find.
func (d *Deployer) clone(ctx context.Context, s Service, g *Generation) error {
	kind, err := d.Machine.Init(ctx, s.Base)
	if err != nil {
		return err
	}
	if err := d.Machine.Lend(s.Base, g.reports); err != nil {
		return err
	}
	prefix := netip.PrefixFrom(g.Address, g.Prefix)
	if g.Prefix == 0 {
		prefix = netip.Prefix{}
	}
	config := append([]string{
		"lxc.uts.name = " + g.Name(),
		"lxc.start.auto = 0", // the agent starts it, when it knows that it shall run
		"lxc.signal.halt = " + kind.HaltSignal(),
		"lxc.log.file = " + filepath.Join(d.Machine.Folder(g.Name()), "lxc.log"),
		"lxc.log.level = ERROR",
		"lxc.mount.entry = " + mountSource(g.reports) + " " + strings.TrimPrefix(guest.Reports, "/") + " none bind,create=dir 0 0",
	}, d.Network.Items(prefix)...)
	if err := d.Machine.Clone(ctx, s.Base, g.Name(), config); err != nil {
		return err
	}
	files := append(guest.Identity(kind, guest.Host{
		Name: g.Name(), Static: prefix.IsValid(), Nameserver: d.Network.Nameserver(),
	}), d.unit(s, g, watcher.Set{}).Files(kind)...)
	return d.Machine.Fill(ctx, g.Name(), files)
}

// mountSource is a path as a mount entry wants it (fstab(5)).
func mountSource(name string) string {
	return strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(name)
}

// boot starts the container and opens its root.
func (d *Deployer) boot(ctx context.Context, g *Generation) error {
	init, err := d.Machine.Start(ctx, g.Name())
	if err != nil {
		return err
	}
	g.init.Store(int64(init))
	if g.root, err = d.Machine.Root(init); err != nil {
		return err
	}
	if g.Address.IsValid() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, bootTime, fmt.Errorf("none has come within %s", bootTime))
	defer cancel()
	for {
		found, err := d.Machine.Addresses(ctx, g.Name())
		if err != nil {
			return err
		}
		if len(found) > 0 {
			g.Address = found[0]
			return d.Network.Hold(g.Name(), g.Address)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("wait for an address by DHCP: %w", err)
		}
	}
}

// join makes the generation one of those whose names are kept true.
func (d *Deployer) join(s Service, g *Generation) error {
	if err := d.wiring.join(s, g); err != nil {
		return err
	}
	return d.enter(g, Standby)
}

// enter brings the generation into a phase, first in its record: what a crash
// leaves is never ahead of what is written.
func (d *Deployer) enter(g *Generation, p Phase) error {
	r := g.Record
	r.Phase, r.Fixed = p, d.wiring.fixedOf(g.Service)
	if err := r.write(d.Machine.Folder(g.Name())); err != nil {
		return err
	}
	d.wiring.enter(g, p)
	return nil
}

// state is enter for what is so already, whether it can be written or not.
func (d *Deployer) state(g *Generation, p Phase) {
	if err := d.enter(g, p); err != nil {
		d.warn(g.Service, "record of "+g.Name()+" not written", err)
		d.wiring.enter(g, p)
	}
}

// install brings the artefacts into the generation and names the command that
// runs them.
func (d *Deployer) install(ctx context.Context, s Service, g *Generation, set watcher.Set) error {
	kind, err := d.Machine.Init(ctx, s.Base)
	if err != nil {
		return err
	}
	g.Set = set.ID
	if err := d.enter(g, Candidate); err != nil {
		return err
	}
	g.finished = d.followOutput(s, g) // before, it has nothing to say
	if err := g.root.CopyTree(ctx, set.Dir, s.Target); err != nil {
		return err
	}
	for _, f := range d.unit(s, g, set).Files(kind) {
		if f.Name == guest.RunFile {
			return g.root.WriteFile(f.Name, f.Data, f.Mode)
		}
	}
	return errors.New("the unit has no command")
}

// unit is what the generation's init runs. Without a set its command is not
// known yet, and not needed.
func (d *Deployer) unit(s Service, g *Generation, set watcher.Set) guest.Unit {
	command := s.Exec
	if command == "" {
		command = "java -jar"
		for _, f := range set.Files {
			if path.Ext(f.Name) == ".jar" && path.Dir(f.Name) == "." {
				command += " " + shellescape.Quote(path.Join(s.Target, f.Name))
			}
		}
	}
	u := guest.Unit{Service: s.Name, Exec: command, Dir: s.Target}
	if s.Debug != 0 {
		u.Env = map[string]string{"JAVA_TOOL_OPTIONS": guest.Debugger(s.Debug)}
	}
	return u
}

// startUnit starts the service, whose unit waits at its gate, or will when the
// guest has booted so far.
func (d *Deployer) startUnit(ctx context.Context, g *Generation) error {
	// First, so that a unit that comes later passes by itself.
	if err := g.root.WriteFile(guest.ReadyFile, nil, 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, bootTime, fmt.Errorf("the guest has not booted within %s", bootTime))
	defer cancel()
	for {
		if err := g.root.OpenGate(); !errors.Is(err, guest.ErrEarly) {
			return err
		}
		if err := d.alive(g); err != nil { // it will not come to its gate
			return err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// runUnit asks the guest's init to start the unit that has ended, until it is
// there to be asked.
func (d *Deployer) runUnit(ctx context.Context, g *Generation, kind guest.Init) error {
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	for {
		_, err := d.Machine.Run(ctx, g.Name(), kind.Start())
		if err == nil {
			return nil
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return err
		}
	}
}

// bootTime is how long a guest may take until its init can be asked.
const bootTime = 30 * time.Second

// pause waits for d or the end of ctx, whose cause it gives.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
