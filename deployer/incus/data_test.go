package incus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

const (
	folder = "/srv/data"
	note   = folder + "/note"
)

// bootData makes an instance with data. It and the data are removed after the test.
func (b *bench) bootData(ctx context.Context, t *testing.T, e deployer.Engine, name string) error {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		service, _, _ := strings.Cut(name, "-")
		if err := errors.Join(e.Stop(ctx, name, 0), e.Remove(ctx, name), e.RemoveData(ctx, service)); err != nil {
			t.Log(err) // its member may be gone
		}
	})
	err := e.Create(ctx, deployer.Spec{Name: name, Base: "base", Address: b.next(), Record: []byte("record"), Data: []string{folder}})
	if err == nil {
		_, err = e.Start(ctx, name)
	}
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// says gives what a file of an instance holds, "" where there is none.
func says(t *testing.T, e deployer.Engine, name, file string) string {
	t.Helper()
	text, err := e.ReadFile(t.Context(), name, file)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// volumes are those of an owner.
func (b *bench) volumes(t *testing.T, owner string) (names []string) {
	t.Helper()
	all, err := b.client.Volumes(t.Context(), "fast")
	must(t, err)
	for _, v := range all {
		if v.Config["user.jarloop.owner"] == owner && v.Config["user.jarloop.service"] != "" { // others are of shared files
			names = append(names, v.Name)
		}
	}
	return names
}

func TestTwoOwnersHaveDataOfTheSameServiceAndDoNotSeeEachOthers(t *testing.T) {
	b := newBench(t)
	anna, bert := b.engineOf(t, "anna"), b.engineOf(t, "bert")
	for owner, e := range map[string]deployer.Engine{"anna": anna, "bert": bert} {
		must(t, b.bootData(t.Context(), t, e, "web-1"))
		must(t, e.WriteFile(t.Context(), "web-1", note, []byte(owner), 0o644))
		must(t, e.SaveData(t.Context(), "web"))
	}
	must(t, errors.Join(bert.Stop(t.Context(), "web-1", 0), bert.RemoveData(t.Context(), "web")))
	for owner, want := range map[string]int{"anna": 3, "bert": 0} { // a head, data and a copy
		if got := b.volumes(t, owner); len(got) != want {
			t.Errorf("%s has the volumes %q", owner, got)
		}
	}
	for owner, e := range map[string]deployer.Engine{"anna": anna, "bert": bert} {
		all, err := e.Data(t.Context())
		if want := map[string]int{"anna": 1, "bert": 0}[owner]; err != nil || len(all) != want {
			t.Errorf("%s has %+v, %v", owner, all, err)
		}
	}
	if got := says(t, anna, "web-1", note); got != "anna" {
		t.Errorf("anna reads %q", got)
	}
	must(t, bert.ImportData(t.Context(), "web", b.export(t, anna)))
	_, err := bert.Start(t.Context(), "web-1")
	must(t, err)
	if got := says(t, bert, "web-1", note); got != "anna" {
		t.Errorf("bert has carried %q over", got)
	}
}

func (b *bench) export(t *testing.T, e deployer.Engine) *bytes.Buffer {
	t.Helper()
	var archive bytes.Buffer
	must(t, e.ExportData(t.Context(), "web", &archive))
	return &archive
}

// dataOn gives a service data that are on a member, before which others have their turn,
// and an archive of them.
func (b *bench) dataOn(t *testing.T, e deployer.Engine, member string, before int) *bytes.Buffer {
	t.Helper()
	for n := range before { // on the members that come first
		must(t, b.boot(t.Context(), t, e, fmt.Sprintf("before%d-1", n)))
	}
	must(t, b.bootData(t.Context(), t, e, "web-1"))
	if at := b.memberOf(t, b.owner, "web-1"); at != member {
		t.Fatalf("its data are on %s, want %s", at, member)
	}
	must(t, e.WriteFile(t.Context(), "web-1", note, []byte("old"), 0o644))
	return b.export(t, e)
}

// bindsData expects that data are not begun anew elsewhere while their member is gone,
// and that they come back from an archive once the cluster has given it up.
func (b *bench) bindsData(ctx context.Context, t *testing.T, e deployer.Engine, member string, archive *bytes.Buffer) {
	t.Helper()
	want := fmt.Sprintf("the data of web are on the member %s, which does not answer", member)
	for what, err := range map[string]error{
		"made": b.bootData(ctx, t, e, "web-2"), "saved": e.SaveData(ctx, "web"), "restored": e.RestoreData(ctx, "web"),
		"imported": e.ImportData(ctx, "web", bytes.NewReader(archive.Bytes())), "removed": e.RemoveData(ctx, "web"),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "incus cluster remove --force "+member) {
			t.Errorf("%s: %v", what, err)
		}
	}
	all, err := e.Data(ctx)
	if err != nil || len(all) != 1 || all[0].Service != "web" {
		t.Errorf("there are the data %+v, %v", all, err)
	}
	if out, err := lab("in", "m1", "incus", "cluster", "remove", "--force", "--yes", member); err != nil {
		t.Fatalf("remove %s: %v: %s", member, err, out)
	}
	must(t, e.ImportData(ctx, "web", archive))
	must(t, b.bootData(ctx, t, e, "web-3"))
	if got := says(t, e, "web-3", note); got != "old" {
		t.Errorf("the archive has brought back %q", got)
	}
}
