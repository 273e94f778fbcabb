package incus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestABaseOfAClusterIsBuiltByItsRecipeAndShared has agents build one at a time, make
// containers of it on two members, and change its recipe.
func TestABaseOfAClusterIsBuiltByItsRecipeAndShared(t *testing.T) {
	d := newDesk(t, `exec = "cp pair /tmp/pair && chmod +x /tmp/pair && exec /tmp/pair"`)
	d.recipe("[base.base]", "[base.small]\ntemplate = \"busybox\"\nrun = [\"echo one >/etc/which\"]")
	t.Cleanup(d.withoutBases)
	began := time.Now()
	d.online() // all of them, from which an image is removed
	d.builtByTwo()
	d.named()
	t.Logf("it is built by two after %s", time.Since(began).Round(time.Second))

	d.save("back", "back 1")
	agent := d.run()
	d.until("back has a container", func() bool { return len(d.members()) == 1 })
	d.save("front", "front 1")
	d.await("front 1, back 1")
	if on := d.members(); len(on) < 2 {
		t.Errorf("all containers are on %v", on)
	}
	t.Logf("two members serve after %s", time.Since(began).Round(time.Second))
	before := d.bases()
	if len(before) != 1 || !before[0].Configured || !before[0].Complete || before[0].Bytes == 0 || len(before[0].Clones) < 2 {
		t.Fatalf("base list: %+v", before)
	}
	if out, status := d.verb("base", "remove", before[0].Container); status != 2 || !strings.Contains(out, "the agent that runs makes clones of "+before[0].Container) {
		t.Errorf("base remove: %d: %s", status, out)
	}

	d.recipe("echo one", "echo two")
	d.until("both are made of the new one", func() bool {
		out, _ := d.verb("base", "list", "--json")
		all := listed(out)
		return len(all) == 2 && len(one(all, before[0].Container).Clones) == 0 && strings.Count(d.which(), "two\n") >= 2
	})
	d.await("front 1, back 1")
	if out, _ := d.verb("doctor"); !strings.Contains(out, "sudo jarloop base remove "+before[0].Container) {
		t.Errorf("the doctor does not name the old one: %s", out)
	}
	d.kill(agent, syscall.SIGINT)
	t.Logf("both are made of the new one after %s", time.Since(began).Round(time.Second))
	d.online()
	t.Logf("online after %s", time.Since(began).Round(time.Second))
	d.collected(before[0].Container)
	t.Logf("collected after %s", time.Since(began).Round(time.Second))
}

// online waits until the cluster hears from all members.
func (d *desk) online() {
	d.t.Helper()
	d.until("all members are online", func() bool {
		all, err := d.client.Members(d.t.Context())
		return err == nil && !slices.ContainsFunc(all, func(m api.Member) bool { return m.Status != api.Online })
	})
}

// recipe changes the configuration.
func (d *desk) recipe(old, fresh string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "config.toml"))
	if err != nil || !strings.Contains(string(text), old) {
		d.t.Fatalf("%s is not in the configuration (%v)", old, err)
	}
	d.file("config.toml", []byte(strings.Replace(string(text), old, fresh, 1)))
}

// builtByTwo has two machines build the base at a time.
func (d *desk) builtByTwo() {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "config.toml"))
	if err != nil {
		d.t.Fatal(err)
	}
	other := filepath.Join(d.dir, "other.toml")
	d.file("other.toml", []byte(strings.Replace(string(text), d.dir+"/state", d.dir+"/state2", 1)))
	var both sync.WaitGroup
	var said [2]string
	for n, file := range []string{filepath.Join(d.dir, "config.toml"), other} {
		both.Go(func() {
			out, err := d.on(d.program, "--config", file, "provision").CombinedOutput()
			if said[n] = string(out); err != nil {
				d.t.Errorf("provision: %v: %s", err, out)
			}
		})
	}
	both.Wait()
	if images := d.images(); len(images) != 1 || len(images[0].Aliases) != 1 {
		d.t.Fatalf("two that build make %+v; they said %s", images, said)
	}
	for _, state := range []string{"state", "state2"} {
		if left, err := filepath.Glob(filepath.Join(d.dir, state, "bases", "*")); err != nil || len(left) > 0 {
			d.t.Errorf("they leave %v, %v", left, err)
		}
	}
}

// named takes the base its name, as if who has built it had been killed before: the next one
// has nothing to build.
func (d *desk) named() {
	d.t.Helper()
	was := d.images()[0]
	if out, err := lab("in", "m1", "incus", "image", "alias", "delete", was.Aliases[0].Name); err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
	out, status := d.verb("provision")
	if now := d.images(); status != 0 || strings.Contains(out, "building") || len(now) != 1 || now[0].Fingerprint != was.Fingerprint || len(now[0].Aliases) != 1 {
		d.t.Errorf("provision: %d: %s: %+v", status, out, now)
	}
}

// images are those of bases.
func (d *desk) images() (found []api.Image) {
	d.t.Helper()
	all, err := d.client.Images(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, i := range all {
		if i.Properties["jarloop.base"] != "" {
			found = append(found, i)
		}
	}
	return found
}

// which is what the recipe has written, in each container that runs.
func (d *desk) which() string {
	var all bytes.Buffer
	for _, i := range d.instances() { // one may be removed just now
		_, _ = d.client.Exec(d.t.Context(), i.Name, []string{"cat", "/etc/which"}, nil, api.Streams{Out: &all})
	}
	return all.String()
}

type listedBase struct {
	Container            string
	Configured, Complete bool
	Clones               []string
	Bytes                int64
}

func listed(out string) (all []listedBase) {
	_ = json.Unmarshal([]byte(out), &all)
	return all
}

func one(all []listedBase, container string) listedBase {
	for _, b := range all {
		if b.Container == container {
			return b
		}
	}
	return listedBase{}
}

func (d *desk) bases() []listedBase {
	d.t.Helper()
	out, status := d.verb("base", "list", "--json")
	if status != 0 {
		d.t.Fatalf("base list: %d: %s", status, out)
	}
	return listed(out)
}

// collected has the bases removed: the old one, while another owner has a container of the
// new one, and then that.
func (d *desk) collected(old string) {
	d.t.Helper()
	ctx, b := d.t.Context(), d.bench(d.t)
	e := b.engine(d.t)
	fresh := ""
	for _, listed := range d.bases() {
		if listed.Container != old {
			fresh = listed.Container
		}
	}
	if err := e.Create(ctx, deployer.Spec{Name: "others-1", Base: fresh, Address: b.next(), Record: []byte("of others")}); err != nil {
		d.t.Fatal(err)
	}
	out, status := d.verb("clean", "--bases")
	if left := d.bases(); status != 0 || !strings.Contains(out, "remove base "+fresh+": it stays, since there are containers of it: "+b.owner+"-others-1") || !strings.Contains(out, "removed base "+old) || len(left) != 1 || left[0].Container != fresh {
		d.t.Errorf("clean --bases: %d: %s; there are %+v", status, out, left)
	}
	if out, status := d.verb("base", "remove", fresh); status != 2 || !strings.Contains(out, b.owner+"-others-1") {
		d.t.Errorf("base remove: %d: %s", status, out)
	}
	if err := e.Remove(ctx, "others-1"); err != nil {
		d.t.Error(err)
	}
	if out, status := d.verb("clean", "--bases"); status != 0 || !strings.Contains(out, "removed base "+fresh) {
		d.t.Errorf("clean --bases: %d: %s", status, out)
	}
	if left := d.bases(); len(left) > 0 || len(d.images()) > 0 {
		d.t.Errorf("that leaves %+v, %+v", left, d.images())
	}
	all, err := d.client.Instances(ctx)
	for _, i := range all {
		if err != nil || strings.HasPrefix(i.Name, "small-") {
			d.t.Errorf("that leaves %s, %v", i.Name, err)
		}
	}
	d.cleans()
}

// withoutBases removes what a test that failed has left.
func (d *desk) withoutBases() {
	if !d.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	all, _ := d.client.Instances(ctx)
	for _, i := range all {
		if strings.HasPrefix(i.Name, "small-") {
			_ = d.client.DeleteInstance(ctx, i.Name)
		}
	}
	for _, i := range d.images() {
		_ = d.client.DeleteImage(ctx, i.Fingerprint)
	}
}
