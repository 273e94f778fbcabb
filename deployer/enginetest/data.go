package enginetest

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer"
)

// kept is a folder of a service's data that no base has, and note a file in it.
const (
	kept = "/srv/data"
	note = kept + "/below/note"
)

// withData makes an instance that has folders of data, and boots it.
func (t *trial) withData(name string, folders ...string) {
	t.Helper()
	s := t.spec(name)
	s.Data = folders
	t.must(t.Engine.Create(t.ctx(), s))
	t.start(name)
}

func (t *trial) start(name string) {
	t.Helper()
	_, err := t.Engine.Start(t.ctx(), name)
	t.must(err)
}

func (t *trial) stop(name string) {
	t.Helper()
	t.must(t.Engine.Stop(t.ctx(), name, 0))
}

func (t *trial) writes(name, file, text string) {
	t.Helper()
	t.must(t.Engine.WriteFile(t.ctx(), name, file, []byte(text), 0o644))
}

// reads expects a text in a file of an instance, "" for no file.
func (t *trial) reads(name, file, want string) {
	t.Helper()
	got, err := t.Engine.ReadFile(t.ctx(), name, file)
	if want == "" {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of %s holds %.50q, %v; want none", file, name, got, err)
		}
		return
	}
	if err != nil || string(got) != want {
		t.Errorf("%s of %s holds %.50q, %v; want %.50q", file, name, got, err, want)
	}
}

// data gives what is kept, "SERVICE FOLDER" or "SERVICE FOLDER saved" each.
func (t *trial) data() (all []string) {
	t.Helper()
	listed, err := t.Engine.Data(t.ctx())
	t.must(err)
	for _, d := range listed {
		if d.Bytes <= 0 {
			t.Errorf("%s of %s takes %d bytes", d.Folder, d.Service, d.Bytes)
		}
		one := d.Service + " " + d.Folder
		if d.Saved {
			one += " saved"
		}
		all = append(all, one)
	}
	return all
}

func (t *trial) hasData(want ...string) {
	t.Helper()
	if got := t.data(); !slices.Equal(got, want) {
		t.Errorf("there are the data %q, want %q", got, want)
	}
}

// data is about what outlives instances.
var data = ofData([]promise{
	{name: "data outlive the instances of their service, and each of these has them", holds: func(t *trial) {
		t.withData("trial-1", kept)
		t.withData("trial-2", kept, "/srv/more")
		t.boot("trial-3")
		t.withData("other-1", kept)
		t.writes("trial-1", note, "first")
		t.writes("trial-2", "/srv/more/note", "more")
		t.reads("trial-2", note, "first")
		t.reads("trial-3", note, "")
		t.reads("other-1", note, "")
		for _, name := range []string{"trial-1", "trial-2", "trial-3"} {
			t.stop(name)
			t.must(t.Engine.Remove(t.ctx(), name))
		}
		t.Engine = t.Restart(t.T)
		t.hasData("other "+kept, "trial "+kept, "trial /srv/more")
		t.withData("trial-4", kept)
		t.reads("trial-4", note, "first")
		t.stop("trial-4")
		t.start("trial-4")
		t.reads("trial-4", note, "first")
	}},
	{name: "data begin as what the base has there", holds: func(t *trial) {
		t.boot("other-1")
		text, err := t.Engine.ReadFile(t.ctx(), "other-1", t.BaseFile)
		t.must(err)
		t.withData("trial-1", path.Dir(t.BaseFile))
		t.reads("trial-1", t.BaseFile, string(text))
		t.writes("trial-1", t.BaseFile, "changed")
		t.withData("trial-2", path.Dir(t.BaseFile))
		t.reads("trial-2", t.BaseFile, "changed")
		t.reads("other-1", t.BaseFile, string(text))
	}},
	{name: "data are again what they were when they were saved, in running instances too, and once", holds: func(t *trial) {
		t.withData("trial-1", kept, "/srv/more")
		t.writes("trial-1", note, "old")
		t.writes("trial-1", "/srv/more/gone", "old")
		t.must(t.Engine.SaveData(t.ctx(), "trial"))
		t.hasData("trial "+kept+" saved", "trial /srv/more saved")
		t.writes("trial-1", note, "new")
		t.writes("trial-1", kept+"/fresh", "new")
		t.withData("trial-2", kept)
		t.Engine = t.Restart(t.T)
		t.must(t.Engine.RestoreData(t.ctx(), "trial"))
		for _, name := range []string{"trial-1", "trial-2"} {
			t.reads(name, note, "old")
			t.reads(name, kept+"/fresh", "")
		}
		t.reads("trial-1", "/srv/more/gone", "old")
		t.hasData("trial "+kept, "trial /srv/more")
		t.writes("trial-1", note, "newest")
		t.must(t.Engine.RestoreData(t.ctx(), "trial")) // there is no copy any more
		t.reads("trial-2", note, "newest")
	}},
	{name: "a copy of data takes the place of the one before, and one that was dropped is not restored", holds: func(t *trial) {
		t.withData("trial-1", kept)
		for _, text := range []string{"first", "second"} {
			t.writes("trial-1", note, text)
			t.must(t.Engine.SaveData(t.ctx(), "trial"))
		}
		t.writes("trial-1", note, "third")
		t.must(t.Engine.RestoreData(t.ctx(), "trial"))
		t.reads("trial-1", note, "second")
		t.must(t.Engine.SaveData(t.ctx(), "trial"))
		t.writes("trial-1", note, "fourth")
		for range 2 {
			t.must(t.Engine.DropSavedData(t.ctx(), "trial"))
			t.must(t.Engine.RestoreData(t.ctx(), "trial"))
		}
		t.reads("trial-1", note, "fourth")
		t.hasData("trial " + kept)
	}},
	{name: "a service without data is left alone", holds: func(t *trial) {
		t.boot("trial-1")
		for _, call := range []error{
			t.Engine.SaveData(t.ctx(), "trial"), t.Engine.RestoreData(t.ctx(), "trial"),
			t.Engine.DropSavedData(t.ctx(), "trial"), t.Engine.RemoveData(t.ctx(), "trial"),
		} {
			t.must(call)
		}
		if err := t.Engine.ExportData(t.ctx(), "trial", new(bytes.Buffer)); err == nil {
			t.Error("what is not there was exported")
		}
		t.hasData()
		t.runsOn("trial-1")
	}},
	{name: "data are removed while no instance runs, and begin anew with the next start", holds: func(t *trial) {
		t.withData("trial-1", kept)
		t.writes("trial-1", note, "old")
		t.must(t.Engine.SaveData(t.ctx(), "trial"))
		if err := t.Engine.RemoveData(t.ctx(), "trial"); err == nil || !strings.Contains(err.Error(), "trial-1") {
			t.Errorf("removed while trial-1 runs: %v", err)
		}
		t.reads("trial-1", note, "old")
		t.stop("trial-1")
		for range 2 {
			t.must(t.Engine.RemoveData(t.ctx(), "trial"))
			t.hasData()
		}
		t.start("trial-1")
		t.reads("trial-1", note, "")
		t.hasData("trial " + kept)
	}},
	{name: "data come back from an archive, here and for another service", holds: func(t *trial) {
		t.withData("trial-1", kept, "/srv/more")
		large := strings.Repeat("x", 100<<10)
		t.writes("trial-1", note, large)
		t.writes("trial-1", "/srv/more/note", "more")
		var archive bytes.Buffer
		t.must(t.Engine.ExportData(t.ctx(), "trial", &archive))
		t.writes("trial-1", note, "new")
		t.writes("trial-1", kept+"/fresh", "new")
		takes := func(service string, text []byte) error {
			return t.Engine.ImportData(t.ctx(), service, bytes.NewReader(text))
		}
		if err := takes("trial", archive.Bytes()); err == nil || !strings.Contains(err.Error(), "trial-1") {
			t.Errorf("imported while trial-1 runs: %v", err)
		}
		t.stop("trial-1")
		for _, text := range [][]byte{nil, []byte("no archive"), archive.Bytes()[:archive.Len()/2], archive.Bytes()[:700]} {
			if err := takes("trial", text); err == nil {
				t.Errorf("%d bytes were imported", len(text))
			}
			if err := takes("other", text); err == nil {
				t.Errorf("%d bytes were imported", len(text))
			}
		}
		t.hasData("trial "+kept, "trial /srv/more")
		t.start("trial-1")
		t.reads("trial-1", note, "new")
		t.stop("trial-1")
		t.must(t.Engine.SaveData(t.ctx(), "trial"))
		t.must(takes("trial", archive.Bytes()))
		t.must(takes("other", archive.Bytes()))
		t.must(t.Engine.RestoreData(t.ctx(), "trial")) // what was saved is of before
		t.start("trial-1")
		t.withData("other-1", kept)
		for _, name := range []string{"trial-1", "other-1"} {
			t.reads(name, note, large)
			t.reads(name, kept+"/fresh", "")
		}
		t.reads("trial-1", "/srv/more/note", "more")
		t.hasData("other "+kept, "other /srv/more", "trial "+kept, "trial /srv/more")
	}},
	{name: "where data cannot be, no instance is made that cannot be removed", holds: func(t *trial) {
		for _, folder := range []string{"/proc/x", "/dev", t.BaseFile, "/etc/jarloop/x"} {
			s := t.spec("trial-1")
			s.Data = []string{folder}
			if err := t.Engine.Create(t.ctx(), s); err == nil || errors.Is(err, deployer.ErrExists) {
				t.Errorf("made with data in %s: %v", folder, err)
			}
			t.must(t.Engine.Remove(t.ctx(), "trial-1"))
		}
		t.hasData()
	}},
})

// ofData marks what an engine without data cannot keep.
func ofData(all []promise) []promise {
	for i := range all {
		all[i].ofData = true
	}
	return all
}

// noData is about engines that keep no data.
var noData = []promise{
	{name: "without data to be kept no instance is made that asks for any", holds: func(t *trial) {
		if t.NoData == "" {
			t.Skip("this engine keeps data")
		}
		s := t.spec("trial-1")
		s.Data = []string{kept}
		if err := t.Engine.Create(t.ctx(), s); err == nil || errors.Is(err, deployer.ErrExists) {
			t.Errorf("made with data in %s: %v", kept, err)
		}
		if got := t.names(); len(got) > 0 {
			t.Errorf("there are %q", got)
		}
		if err := t.Engine.ImportData(t.ctx(), "trial", strings.NewReader("")); err == nil {
			t.Error("data were imported")
		}
	}},
}
