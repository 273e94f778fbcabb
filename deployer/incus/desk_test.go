package incus_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// desk is a machine beside the members, on which an agent runs.
type desk struct {
	*cluster
	t            *testing.T
	owner        string
	project      string // of Incus
	host         string // its address beside the members
	gives        [2]int // its addresses in the network of instances, the last byte
	dir, program string
	said         *os.File
}

// runsPair is how back is started.
const runsPair = `exec = "cp pair /tmp/pair && chmod +x /tmp/pair && exec /tmp/pair"`

// newDesk sets the machine up, and lets it into the cluster. The service back has
// these lines in the configuration beside those of both.
func newDesk(t *testing.T, back ...string) *desk {
	t.Helper()
	d := &desk{cluster: newCluster(t), t: t, dir: t.TempDir(), owner: "desk", project: "default", host: "10.99.0.100", gives: [2]int{201, 240}}
	if out, err := lab("desk"); err != nil {
		t.Fatalf("set the agent's machine up: %v: %s", err, out)
	}
	d.setUp(back...)
	return d
}

// setUp has all on the machine that its agent needs.
func (d *desk) setUp(back ...string) {
	t := d.t
	t.Helper()
	pairFile, err := buildPair()
	if err == nil {
		d.program, err = buildJarloop()
	}
	if err != nil {
		t.Fatal(err)
	}
	pair, err := os.ReadFile(pairFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"back", "front"} {
		folder := filepath.Join(d.dir, "host", "volume-"+service)
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, "pair"), pair, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	said, err := os.Create(filepath.Join(d.dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { said.Close() })
	d.said = said
	d.letIn()
	d.configure(strings.Join(back, "\n"))
	d.cleanUp()
}

// cleanUp removes what a test that failed has left.
func (d *desk) cleanUp() {
	d.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for _, i := range d.instances() {
			_ = d.client.SetState(ctx, i.Name, "stop", true, 0)
			_ = d.client.DeleteInstance(ctx, i.Name)
		}
		volumes, _ := d.client.Volumes(ctx, "fast")
		for _, v := range volumes {
			if strings.HasPrefix(v.Name, d.owner+"-") {
				_ = d.client.DeleteVolume(ctx, "fast", v)
			}
		}
	})
}

func (d *desk) file(name string, text []byte) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// on makes a command of the agent's machine.
func (d *desk) on(argv ...string) *exec.Cmd {
	return exec.CommandContext(d.t.Context(), "nsenter", append([]string{"--net=/run/netns/jlinc-" + d.owner}, argv...)...)
}

// verb runs a verb there, and gives what it says and its status.
func (d *desk) verb(argv ...string) (string, int) {
	d.t.Helper()
	cmd := d.on(append([]string{d.program, "--config", filepath.Join(d.dir, "config.toml")}, argv...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		d.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// run starts the agent.
func (d *desk) run() *exec.Cmd {
	d.t.Helper()
	cmd := d.on(d.program, "--config", filepath.Join(d.dir, "config.toml"), "run")
	cmd.Stdout, cmd.Stderr = d.said, d.said
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { // one that a test has ended is waited for already
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if d.t.Failed() {
			text, _ := os.ReadFile(d.said.Name())
			d.t.Logf("the agent said: %s", text)
		}
	})
	return cmd
}

func (d *desk) kill(agent *exec.Cmd, signal syscall.Signal) {
	d.t.Helper()
	if err := agent.Process.Signal(signal); err != nil {
		d.t.Fatal(err)
	}
	if err := agent.Wait(); err != nil && signal == syscall.SIGINT {
		d.t.Errorf("the agent ends with %v", err)
	}
}

// save is what a build does: it writes a service's files.
func (d *desk) save(service, version string) {
	d.t.Helper()
	file := filepath.Join(d.dir, "host", "volume-"+service, "version")
	if err := os.WriteFile(file, []byte(version), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// instances are those of the agent, whatever state they are in.
func (d *desk) instances() (found []instance) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second) // also after the test
	defer cancel()
	all, err := d.client.Instances(ctx)
	if err != nil {
		d.t.Error(err)
	}
	for _, i := range all {
		if strings.HasPrefix(i.Name, d.owner+"-") {
			found = append(found, instance{i.Name, i.Location})
		}
	}
	return found
}

type instance struct{ Name, Location string }

// members are those that hold services.
func (d *desk) members() map[string]bool {
	on := map[string]bool{}
	for _, i := range d.instances() {
		if !strings.HasSuffix(i.Name, "-proxy") {
			on[i.Location] = true
		}
	}
	return on
}

// await waits until the published port answers so.
func (d *desk) await(want string) {
	d.t.Helper()
	d.until("the port says "+want, func() bool {
		got, err := d.ask(d.t.Context(), "front")
		return err == nil && got == want
	})
}

func (d *desk) until(what string, so func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !so(); {
		if err := deployer.Pause(d.t.Context(), 20*time.Millisecond); err != nil || time.Now().After(deadline) {
			d.t.Fatalf("not within five minutes: %s (%v)", what, err)
		}
	}
}

// cleans has everything removed, and looks what is left.
func (d *desk) cleans() {
	d.t.Helper()
	if out, status := d.verb("clean"); status != 0 {
		d.t.Errorf("clean: %d: %s", status, out)
	}
	if left := d.instances(); len(left) > 0 {
		d.t.Errorf("clean leaves instances: %v", left)
	}
	if _, _, err := d.client.Profile(context.Background(), d.lease()); !api.IsNotFound(err) {
		d.t.Errorf("clean leaves the lease: %v", err)
	}
	volumes, err := d.client.Volumes(context.Background(), "fast")
	if shared := d.owner + "-shared"; err != nil || slices.ContainsFunc(volumes, func(v api.Volume) bool { return v.Name == shared }) {
		d.t.Errorf("clean leaves a volume with shared files: %v", err)
	}
	rules, err := d.on("iptables-save").Output()
	if err != nil || strings.Contains(string(rules), "JARLOOP") {
		d.t.Errorf("clean leaves rules: %v: %s", err, rules)
	}
	addresses, err := d.on("ip", "-o", "-4", "address").Output()
	if err != nil || strings.Contains(string(addresses), "jarloop") {
		d.t.Errorf("clean leaves addresses: %v: %s", err, addresses)
	}
	for _, folder := range []string{"state", "run"} {
		if _, err := os.Lstat(filepath.Join(d.dir, folder)); !errors.Is(err, os.ErrNotExist) {
			d.t.Errorf("clean leaves %s: %v", folder, err)
		}
	}
}

// inOrder says whether a text has all of these, one after the other.
func inOrder(text string, all ...string) bool {
	for _, one := range all {
		_, rest, found := strings.Cut(text, one)
		if !found {
			return false
		}
		text = rest
	}
	return true
}
