package incus_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// newDeveloper sets up the machine of one of two developers, who has a project of that
// name, and a certificate that is restricted to it.
func newDeveloper(t *testing.T, second bool) *desk {
	t.Helper()
	d := &desk{cluster: newCluster(t), t: t, dir: t.TempDir(), owner: "desk", host: "10.99.0.100", gives: [2]int{201, 240}}
	number := ""
	if second {
		d.owner, d.host, d.gives, number = "desk2", "10.99.0.102", [2]int{101, 140}, "2"
	}
	d.project = d.owner
	if out, err := lab("desk", number); err != nil {
		t.Fatalf("set the machine of %s up: %v: %s", d.owner, err, out)
	}
	d.inProject(`incus project create P -c restricted=true -c restricted.cluster.target=allow
		incus profile show default | incus profile edit default --project P
		for m in m1 m2 m3; do incus copy -q base-$m base-$m --target-project P --target $m -c user.jarloop.base=base; done`)
	t.Cleanup(func() {
		d.inProject(`for i in $(incus list --project P -f csv -c n); do incus delete -f --project P $i; done
			for p in $(incus profile list --project P -f csv -c n | grep -v default); do incus profile delete --project P $p; done
			echo yes | incus project delete --force P`)
		d.distrust()
	})
	client, err := api.New(api.Options{Address: d.socket(t), Project: d.project})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	d.client = client
	d.setUp(runsPair)
	return d
}

// inProject has a member do something about the project P.
func (d *desk) inProject(script string) {
	d.t.Helper()
	if out, err := lab("in", "m1", "sh", "-ec", strings.ReplaceAll(script, "P", d.project)); err != nil {
		d.t.Errorf("project %s: %v: %s", d.project, err, out)
	}
}

// TestTwoDevelopersDoNotSeeEachOther has both at work at the same time, with the same
// services and the same names. Neither reaches what is the other's, though they try.
func TestTwoDevelopersDoNotSeeEachOther(t *testing.T) {
	both := []*desk{newDeveloper(t, false), newDeveloper(t, true)}
	says := func(d *desk, n int) string { return fmt.Sprintf("front %s %d, back %[1]s %[2]d", d.owner, n) }
	save := func(n int) {
		for _, d := range both {
			for _, service := range []string{"back", "front"} {
				d.save(service, fmt.Sprintf("%s %s %d", service, d.owner, n))
			}
		}
	}
	save(1)
	var loads []*load
	var agents []*exec.Cmd
	for _, d := range both {
		if out, status := d.verb("doctor"); status != 0 {
			t.Errorf("doctor of %s: %d: %s", d.owner, status, out)
		}
		agents = append(agents, d.run())
	}
	for _, d := range both {
		d.await(says(d, 1))
		loads = append(loads, d.load())
	}
	save(2)
	for _, d := range both {
		d.await(says(d, 2))
		d.until("each has its standby", func() bool { return len(d.instances()) == 4 })
	}
	for n, d := range both {
		d.cannotReach(both[1-n])
	}
	loads[0].stop(t)
	both[0].kill(agents[0], syscall.SIGINT)
	both[1].save("front", "front desk2 3")
	both[1].await("front desk2 3, back desk2 2")
	both[0].cleans()
	both[1].await("front desk2 3, back desk2 2")
	loads[1].stop(t)
	both[1].kill(agents[1], syscall.SIGINT)
	both[1].cleans()
}

// cannotReach tries what the certificate must not be good for.
func (d *desk) cannotReach(other *desk) {
	d.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(d.dir, "client.crt"), filepath.Join(d.dir, "client.key"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, project := range []string{other.project, "default"} {
		c, err := api.New(api.Options{Address: "https://10.99.0.1:8443", Project: project, TLS: &tls.Config{
			Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, // #nosec G402 -- whom it asks is no matter here
		}})
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(c.Close)
		ctx := d.t.Context()
		all, err := c.Instances(ctx)
		if len(all) > 0 {
			d.t.Errorf("%s sees in the project %s %v, %v", d.owner, project, all, err)
		}
		for _, i := range append(other.instances(), instance{"base-m1", "m1"}) {
			_, _, seen := c.Instance(ctx, i.Name)
			_, run := c.Exec(ctx, i.Name, []string{"true"}, nil, api.Streams{})
			for what, err := range map[string]error{
				"look at": seen, "run a command in": run, "stop": c.SetState(ctx, i.Name, "stop", true, 0),
				"change": c.SetConfig(ctx, i.Name, "", map[string]string{"user.jarloop.owner": d.owner}), "remove": c.DeleteInstance(ctx, i.Name),
			} {
				if !api.IsForbidden(err) && !api.IsNotFound(err) {
					d.t.Errorf("%s may %s %s in the project %s: %v", d.owner, what, i.Name, project, err)
				}
			}
		}
		if err := c.DeleteProfile(ctx, other.lease()); !api.IsForbidden(err) && !api.IsNotFound(err) {
			d.t.Errorf("%s takes the lease of the project %s: %v", d.owner, project, err)
		}
	}
}

// TestAnAgentWaitsForAClusterThatDoesNotLetItWork takes its certificate away for a time, and
// then the cluster's quorum: two of three members answer nobody, and what they hold runs on.
func TestAnAgentWaitsForAClusterThatDoesNotLetItWork(t *testing.T) {
	if os.Getenv(kept) != "" {
		t.Skip("it would take members away from the cluster that is kept")
	}
	d := newDesk(t, runsPair)
	d.save("back", "back 1")
	d.save("front", "front 1")
	agent := d.run()
	d.await("front 1, back 1")
	d.until("each has its standby", func() bool { return len(d.instances()) == 4 })
	before := d.instances()
	load := d.load()

	d.distrust()
	d.saysWhatItWaitsFor("incus config trust add-certificate " + filepath.Join(d.dir, "client.crt"))
	d.save("front", "front 2")
	d.saidAll("it cannot be deployed", `"message":"failed"`)
	d.trust()
	d.await("front 2, back 1")
	d.waitsForNothing()

	for _, m := range []string{"m2", "m3"} {
		d.signal(m, "STOP")
		t.Cleanup(func() { d.signal(m, "CONT") })
	}
	d.saysWhatItWaitsFor("incus cluster list")
	d.save("back", "back 2")
	for _, m := range []string{"m2", "m3"} {
		d.signal(m, "CONT")
	}
	d.await("front 2, back 2")
	d.waitsForNothing()
	load.stop(t)
	d.until("each has its standby", func() bool { return len(d.instances()) == 4 })
	t.Logf("before %v, after %v", before, d.instances())
	d.kill(agent, syscall.SIGINT)
	d.cleans()
}

// signal is for the daemon of a member.
func (d *desk) signal(member, signal string) {
	d.t.Helper()
	if out, err := lab("in", member, "pkill", "-"+signal, "-x", "incusd"); err != nil {
		d.t.Errorf("signal %s to the daemon of %s: %v: %s", signal, member, err, out)
	}
}

// saysWhatItWaitsFor waits until the agent says so, and shows it.
func (d *desk) saysWhatItWaitsFor(remedy string) {
	d.t.Helper()
	d.saidAll("it says what it waits for", remedy)
	if out, status := d.verb("status"); status != 0 || !strings.Contains(out, remedy) {
		d.t.Errorf("status: %d: %s", status, out)
	}
}

func (d *desk) waitsForNothing() {
	d.t.Helper()
	d.until("it waits for nothing", func() bool {
		out, _ := d.verb("status")
		return !strings.Contains(out, "nothing can be deployed")
	})
}

// saidAll waits until the agent has said all of these, one after the other.
func (d *desk) saidAll(what string, all ...string) {
	d.t.Helper()
	d.until(what, func() bool {
		text, err := os.ReadFile(d.said.Name())
		return err == nil && inOrder(string(text), all...)
	})
}
