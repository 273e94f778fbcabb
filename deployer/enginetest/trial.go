package enginetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// patience is how long anything may take, on a slow machine too; soon is what is
// at once there.
const (
	patience = 3 * time.Minute
	soon     = 10 * time.Second
	// target is where artefacts go.
	target = "/srv/app"
)

// trial is one test with its harness. What it cannot do ends the test.
type trial struct {
	*testing.T
	Harness
	service, other string // of this trial alone: cgroups, for one, go by a container's name
}

// name is that of the service's instance n.
func (t *trial) name(n int) string { return fmt.Sprintf("%s-%d", t.service, n) }

// ctx is as long as the test's patience.
func (t *trial) ctx() context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func (t *trial) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// removeAll removes every instance there is.
func (t *trial) removeAll() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all, err := t.Engine.List(ctx)
	if err != nil {
		t.Error(err)
	}
	for _, i := range all {
		if err := errors.Join(t.Engine.Stop(ctx, i.Name, 0), t.Engine.Remove(ctx, i.Name)); err != nil {
			t.Error(err)
		}
	}
	files, err := t.Engine.Shared(ctx)
	for _, f := range files {
		err = errors.Join(err, t.Engine.Unshare(ctx, f.Name))
	}
	if err != nil {
		t.Error(err)
	}
	kept, err := t.Engine.Data(ctx)
	for _, d := range kept {
		err = errors.Join(err, t.Engine.RemoveData(ctx, d.Service))
	}
	if err != nil {
		t.Error(err)
	}
}

// spec is one of an instance whose record says its name.
func (t *trial) spec(name string) deployer.Spec {
	return deployer.Spec{Name: name, Base: t.Base, Address: t.Address(), Record: []byte("record of " + name)}
}

// create makes an instance.
func (t *trial) create(name string) deployer.Spec {
	t.Helper()
	s := t.spec(name)
	t.must(t.Engine.Create(t.ctx(), s))
	return s
}

// boot makes an instance and starts it.
func (t *trial) boot(name string) deployer.Spec {
	t.Helper()
	s := t.create(name)
	_, err := t.Engine.Start(t.ctx(), name)
	t.must(err)
	return s
}

// install gives a booted instance what it runs, with no artefacts but one file.
func (t *trial) install(name string, c deployer.Command) {
	t.Helper()
	t.must(t.Engine.Install(t.ctx(), name, t.artefacts(map[string]string{"app.jar": "jar"}), target, c))
}

// artefacts gives a folder of the agent's that holds files.
func (t *trial) artefacts(files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		t.must(os.MkdirAll(filepath.Dir(path), 0o755))
		t.must(os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

// run makes an instance that runs a command, and waits until that is up.
func (t *trial) run(name string, c deployer.Command) deployer.Spec {
	t.Helper()
	s := t.boot(name)
	t.install(name, c)
	t.must(t.Engine.Launch(t.ctx(), name))
	t.printed(name, "up", 1)
	return s
}

// eventually waits until something is so.
func (t *trial) eventually(what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// count gives how often the last lines of an instance have one.
func (t *trial) count(name, line string) int {
	n := 0
	for _, l := range t.Engine.Tail(name) {
		if l == line {
			n++
		}
	}
	return n
}

// printed waits until an instance has printed a line that many times.
func (t *trial) printed(name, line string, times int) {
	t.Helper()
	t.eventually(name+" prints "+line+", where it has printed "+strings.Join(t.Engine.Tail(name), " | "), func() bool { return t.count(name, line) == times })
}

// ended waits for the end of a service, and gives how it was.
func (t *trial) ended(name string) deployer.ExitError {
	t.Helper()
	err := t.Engine.Wait(t.ctx(), name)
	exit, ok := errors.AsType[*deployer.ExitError](err)
	if !ok {
		t.Fatalf("the end of %s is told as %v", name, err)
	}
	return *exit
}

// hasEnded ends the test unless Check says that the service has ended.
func (t *trial) hasEnded(name string) deployer.ExitError {
	t.Helper()
	err := t.Engine.Check(name)
	exit, ok := errors.AsType[*deployer.ExitError](err)
	if !ok {
		t.Fatalf("%s has ended, and is told as %v", name, err)
	}
	return *exit
}

// runsOn ends the test if Check says that the service has ended.
func (t *trial) runsOn(name string) {
	t.Helper()
	if err := t.Engine.Check(name); err != nil {
		t.Fatalf("%s has ended: %v", name, err)
	}
}

// list gives the instances by name.
func (t *trial) list() map[string]deployer.Instance {
	t.Helper()
	all, err := t.Engine.List(t.ctx())
	t.must(err)
	found := map[string]deployer.Instance{}
	for _, i := range all {
		if _, twice := found[i.Name]; twice {
			t.Fatalf("%s is listed twice", i.Name)
		}
		found[i.Name] = i
	}
	return found
}

// names gives the names that are listed, in order.
func (t *trial) names() []string {
	t.Helper()
	var names []string
	for name := range t.list() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// isUp ends the test unless a command can be run inside, as in an instance
// that is up.
func (t *trial) isUp(name string) {
	t.Helper()
	out, err := t.Engine.Run(t.ctx(), name, t.Say("hello"))
	if err != nil || string(out) != "hello\n" {
		t.Fatalf("%s is not up: %q, %v", name, out, err)
	}
}
