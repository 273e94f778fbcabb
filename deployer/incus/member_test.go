package incus_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// newBench gives an engine's surroundings in a test of its own.
func newBench(t testing.TB) *bench {
	t.Helper()
	return newCluster(t).bench(t)
}

// boot makes an instance that is up, and is removed after the test.
func (b *bench) boot(ctx context.Context, t *testing.T, e deployer.Engine, name string) error {
	t.Helper()
	s := deployer.Spec{Name: name, Base: "base", Address: b.next(), Record: []byte("record")}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(e.Stop(ctx, name, 0), e.Remove(ctx, name)); err != nil {
			t.Log(err) // its member may be gone
		}
	})
	if err := e.Create(ctx, s); err != nil {
		return err
	}
	_, err := e.Start(ctx, name)
	return err
}

func (b *bench) memberOf(t *testing.T, owner, name string) string {
	t.Helper()
	i, _, err := b.client.Instance(t.Context(), owner+"-"+name)
	if err != nil {
		t.Fatal(err)
	}
	return i.Location
}

func TestTwoOwnersHaveTheSameServiceAndDoNotSeeEachOther(t *testing.T) {
	b := newBench(t)
	anna, bert := b.engineOf(t, "anna"), b.engineOf(t, "bert")
	for _, e := range []deployer.Engine{anna, bert} {
		if err := b.boot(t.Context(), t, e, "web-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := anna.WriteFile(t.Context(), "web-1", "/opt/whose", []byte("anna's"), 0o644); err != nil {
		t.Error(err)
	}
	if text, err := bert.ReadFile(t.Context(), "web-1", "/opt/whose"); err == nil {
		t.Errorf("bert reads %q", text)
	}
	if err := errors.Join(bert.Stop(t.Context(), "web-1", 0), bert.Remove(t.Context(), "web-1")); err != nil {
		t.Error(err)
	}
	for owner, e := range map[string]deployer.Engine{"anna": anna, "bert": bert} {
		all, err := e.List(t.Context())
		if want := map[string]int{"anna": 1, "bert": 0}[owner]; err != nil || len(all) != want {
			t.Errorf("%s has %+v, %v", owner, all, err)
		}
	}
}

// TestAServiceStartsElsewhereWhereItsMemberIsGone spreads three over the members, and
// takes one of these away as a power cut does. What has data there waits for it.
func TestAServiceStartsElsewhereWhereItsMemberIsGone(t *testing.T) {
	if os.Getenv(kept) != "" {
		t.Skip("it would take a member away from the cluster that is kept")
	}
	b := newBench(t)
	e := b.engine(t)
	names, order := []string{"a-1", "b-1", "c-1"}, []string{}
	for _, name := range names {
		if err := b.boot(t.Context(), t, e, name); err != nil {
			t.Fatal(err)
		}
		order = append(order, b.memberOf(t, b.owner, name))
	}
	if len(slices.Compact(slices.Sorted(slices.Values(order)))) != len(order) {
		t.Fatalf("they are on %v", order)
	}
	before := slices.Index(order, "m3")
	lost := names[before]
	archive := b.dataOn(t, e, "m3", before)
	if out, err := lab("kill", "m3"); err != nil {
		t.Fatalf("kill m3: %v: %s", err, out)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	n := 2
	for ; ; n++ { // as a deploy is tried again
		err := b.boot(ctx, t, e, fmt.Sprintf("%c-%d", lost[0], n))
		if err == nil {
			break
		}
		t.Logf("after %s: %v", time.Since(began).Round(time.Second), err)
		if deployer.Pause(ctx, time.Second) != nil {
			t.Fatal("no member takes it within a minute")
		}
	}
	t.Logf("elsewhere after %s", time.Since(began).Round(time.Second))
	name := fmt.Sprintf("%c-%d", lost[0], n)
	if got := b.memberOf(t, b.owner, name); got == "m3" {
		t.Errorf("it is on %s", got)
	}
	all, err := e.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, i := range all {
		listed[i.Name] = i.Running && !i.Half && i.Err == nil
	}
	names[before] = name
	for _, name := range names {
		if !listed[name] {
			t.Errorf("%s is not listed as one that runs: %+v", name, all)
		}
		if out, err := e.Run(ctx, name, []string{"echo", "hello"}); err != nil || string(out) != "hello\n" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	b.bindsData(ctx, t, e, "m3", archive)
}
