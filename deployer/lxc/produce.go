package lxc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/shared"
)

// A production runs in a container whose init is the command itself. It is never
// whole, so that whoever lists instances finds it as one that can only be removed.
const producing = "jarloop-produce"

// scratchFolder is where a production has a folder to write to, in its container;
// productionScript is what it runs.
const (
	scratchFolder    = "/var/lib/jarloop/produced"
	productionScript = "/jarloop-produce"
)

// scratch is the host's side of scratchFolder.
func (d disk) scratch(name string) string { return filepath.Join(d.shared(), ".of-"+name) }

// Produce makes a shared file by a command.
func (e *Engine) Produce(ctx context.Context, p deployer.Production) (deployer.Produced, error) {
	made, err := e.produce(ctx, p)
	if err != nil {
		err = fmt.Errorf("produce %s: %w", p.Name, err)
	}
	return made, err
}

func (e *Engine) produce(ctx context.Context, p deployer.Production) (made deployer.Produced, err error) {
	folder := shared.Folder(e.disk.shared())
	if _, err := folder.File(p.Name); err != nil {
		return made, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.Time, late("the command has not ended", p.Time))
	defer cancel()
	name, err := e.claimProduction()
	if err != nil {
		return made, err
	}
	defer func() {
		last := context.WithoutCancel(ctx)
		err = errors.Join(err, e.host.Stop(last, name, 0), e.Remove(last, name))
	}()
	if err := e.prepareProduction(ctx, name, p); err != nil {
		return made, err
	}
	began := time.Now()
	init, err := e.host.StartIdle(ctx, name)
	if err != nil {
		return made, err
	}
	if made, err = e.awaitProduction(ctx, name, init, p); err != nil {
		return made, err
	}
	made.Took = time.Since(began)
	// Nothing inside is to exchange what it has made, or to go on writing to it.
	if err := e.host.Stop(ctx, name, 0); err != nil {
		return made, err
	}
	made.CPU = spent(filepath.Join(e.disk.scratch(name), "times"))
	out := filepath.Join(e.disk.scratch(name), "out")
	if made.Bytes, err = folder.Take(out, p.Name); err != nil {
		return made, fmt.Errorf("%s: %w", p.Out, err)
	}
	return made, nil
}

// claimProduction makes the folder of a container by a name that nobody has, and of which
// nothing is left: a claim sweeps away what others have begun by its name, and what an
// earlier agent has left is removed meanwhile.
func (e *Engine) claimProduction() (name string, err error) {
	last, err := e.disk.lastNumber(producing)
	if err != nil {
		return "", err
	}
	for {
		name = producing + "-" + strconv.FormatInt(int64(last)+e.productions.Add(1), 10)
		if err = e.disk.claim(name, []byte("{}\n")); !errors.Is(err, deployer.ErrExists) {
			return name, err
		}
	}
}

// prepareProduction makes the container, with what it runs.
func (e *Engine) prepareProduction(ctx context.Context, name string, p deployer.Production) error {
	root, err := e.host.Rootfs(p.Base)
	if err != nil {
		return err
	}
	limits, err := limits("/", p.Memory, 0)
	if err != nil {
		return err
	}
	if err := e.disk.makeScratch(name, root); err != nil {
		return err
	}
	items := slices.Concat([]string{
		"lxc.uts.name = " + producing,
		"lxc.start.auto = 0",
		"lxc.init.cmd = /bin/sh " + productionScript,
		"lxc.environment = PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"lxc.net.0.type = empty",
		"lxc.log.file = " + filepath.Join(e.disk.folder(name), "lxc.log"),
		"lxc.log.level = ERROR",
		e.disk.sharedMount(),
		"lxc.mount.entry = " + mountSource(e.disk.scratch(name)) + " " + strings.TrimPrefix(scratchFolder, "/") + " none bind,create=dir 0 0",
	}, limits, idle("/"))
	if err := e.host.Clone(ctx, p.Base, name, e.Backing, items); err != nil {
		return err
	}
	return e.writeStopped(ctx, name, []guest.File{{Name: productionScript, Data: productionOf(p), Mode: 0o755}})
}

// productionOf is the script of a production. It says how the command has ended, and
// what it has cost, in files, the last of them as one act. It does not end then, since
// liblxc takes an init that has for one that could not be started.
func productionOf(p deployer.Production) []byte {
	in := func(name string) string { return shellescape.Quote(path.Join(scratchFolder, name)) }
	return []byte(strings.Join([]string{
		shellescape.QuoteCommand(p.Argv) + " >" + in("said") + " 2>&1 </dev/null",
		"status=$?",
		"times >" + in("times"),
		"[ $status != 0 ] || mv -f " + shellescape.Quote(p.Out) + " " + in("out") + " 2>>" + in("said") + " || status=1",
		"echo $status >" + in("status.new"),
		"mv " + in("status.new") + " " + in("status"),
		"while :; do sleep 60; done",
	}, "\n") + "\n")
}

// idle is the configuration of a container that gets what processor time is left.
func idle(root string) []string {
	if _, err := os.Stat(filepath.Join(root, groups, "cpu/cpu.shares")); err == nil {
		return []string{"lxc.cgroup.cpu.shares = 2"}
	}
	text, _ := os.ReadFile(filepath.Join(root, groups, "cgroup.controllers"))
	if slices.Contains(strings.Fields(string(text)), "cpu") {
		return []string{"lxc.cgroup2.cpu.weight = 1"}
	}
	return nil
}

// makeScratch makes the folder that a production writes to, for the root of its base's
// clones.
func (d disk) makeScratch(name, rootfs string) error {
	info, err := os.Stat(rootfs)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(rootfs, &st); err != nil || !info.IsDir() {
		return errors.Join(err, fmt.Errorf("%s is no folder", rootfs))
	}
	dir := d.scratch(name)
	if err := errors.Join(d.makeShared(), os.RemoveAll(dir)); err != nil {
		return err
	}
	return errors.Join(makePassable(dir, 0o700), os.Chown(dir, int(st.Uid), int(st.Gid)))
}

// awaitProduction waits until the command has ended well, and gives what it has cost.
func (e *Engine) awaitProduction(ctx context.Context, name string, init int, p deployer.Production) (made deployer.Produced, err error) {
	defer crash.Point("produce")()
	h, release, err := e.open(name, init)
	if err != nil {
		return made, err
	}
	defer release()
	dir := e.disk.scratch(name)
	disk := written{limit: p.Disk, folders: []string{dir, e.disk.folder(name)}}
	for {
		if used, err := memory("/", init); err == nil {
			made.Memory = max(made.Memory, used)
		}
		status, err := reported(filepath.Join(dir, "status"))
		switch {
		case err == nil && strings.TrimSpace(string(status)) == "0":
			return made, nil
		case err == nil:
			return made, e.failedProduction(name, init, strings.TrimSpace(string(status)), p)
		case !errors.Is(err, fs.ErrNotExist):
			return made, err
		case !h.alive():
			return made, errors.New("its container has ended")
		case disk.tooMuch():
			return made, fmt.Errorf("it has written more than %d MiB", p.Disk>>20)
		}
		if err := deployer.Pause(ctx, 100*time.Millisecond); err != nil {
			return made, err
		}
	}
}

// failedProduction says how a command has failed, with the end of what it has said.
func (e *Engine) failedProduction(name string, init int, status string, p deployer.Production) error {
	if overMemory("/", init) {
		return errors.New(deployer.OverMemory(p.Memory))
	}
	said, _ := reported(filepath.Join(e.disk.scratch(name), "said")) // it is for people
	lines := strings.FieldsFunc(string(said), func(r rune) bool { return r == '\n' })
	return fmt.Errorf("the command exited with status %s: %s", status, strings.Join(lines[max(0, len(lines)-3):], "; "))
}

// reported reads the end of what a container has written, which can be anything.
func reported(file string) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", file)
	}
	if err != nil {
		return nil, err
	}
	const most = 4096
	if info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(f, most))
}

// spent reads what times(1p) says of the processes that have ended.
func spent(file string) (all time.Duration) {
	text, _ := reported(file)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, field := range strings.Fields(lines[len(lines)-1]) {
		d, _ := time.ParseDuration(field) // what is none counts for nothing
		all += d
	}
	return all
}
