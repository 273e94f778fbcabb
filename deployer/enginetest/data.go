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
		t.withData(t.name(1), kept)
		t.withData(t.name(2), kept, "/srv/more")
		t.boot(t.name(3))
		t.withData(t.other+"-1", kept)
		t.writes(t.name(1), note, "first")
		t.writes(t.name(2), "/srv/more/note", "more")
		t.reads(t.name(2), note, "first")
		t.reads(t.name(3), note, "")
		t.reads(t.other+"-1", note, "")
		for _, name := range []string{t.name(1), t.name(2), t.name(3)} {
			t.stop(name)
			t.must(t.Engine.Remove(t.ctx(), name))
		}
		t.Engine = t.Restart(t.T)
		t.hasData(t.other+" "+kept, t.service+" "+kept, t.service+" /srv/more")
		t.withData(t.name(4), kept)
		t.reads(t.name(4), note, "first")
		t.stop(t.name(4))
		t.start(t.name(4))
		t.reads(t.name(4), note, "first")
	}},
	{name: "data begin as what the base has there", holds: func(t *trial) {
		t.boot(t.other + "-1")
		text, err := t.Engine.ReadFile(t.ctx(), t.other+"-1", t.BaseFile)
		t.must(err)
		t.withData(t.name(1), path.Dir(t.BaseFile))
		t.reads(t.name(1), t.BaseFile, string(text))
		t.writes(t.name(1), t.BaseFile, "changed")
		t.withData(t.name(2), path.Dir(t.BaseFile))
		t.reads(t.name(2), t.BaseFile, "changed")
		t.reads(t.other+"-1", t.BaseFile, string(text))
	}},
	{name: "data are again what they were when they were saved, in running instances too, and once", holds: func(t *trial) {
		t.withData(t.name(1), kept, "/srv/more")
		t.writes(t.name(1), note, "old")
		t.writes(t.name(1), "/srv/more/gone", "old")
		t.must(t.Engine.SaveData(t.ctx(), t.service))
		t.hasData(t.service+" "+kept+" saved", t.service+" /srv/more saved")
		t.writes(t.name(1), note, "new")
		t.writes(t.name(1), kept+"/fresh", "new")
		t.withData(t.name(2), kept)
		t.Engine = t.Restart(t.T)
		t.must(t.Engine.RestoreData(t.ctx(), t.service))
		for _, name := range []string{t.name(1), t.name(2)} {
			t.reads(name, note, "old")
			t.reads(name, kept+"/fresh", "")
		}
		t.reads(t.name(1), "/srv/more/gone", "old")
		t.hasData(t.service+" "+kept, t.service+" /srv/more")
		t.writes(t.name(1), note, "newest")
		t.must(t.Engine.RestoreData(t.ctx(), t.service)) // there is no copy any more
		t.reads(t.name(2), note, "newest")
	}},
	{name: "a copy of data takes the place of the one before, and one that was dropped is not restored", holds: func(t *trial) {
		t.withData(t.name(1), kept)
		for _, text := range []string{"first", "second"} {
			t.writes(t.name(1), note, text)
			t.must(t.Engine.SaveData(t.ctx(), t.service))
		}
		t.writes(t.name(1), note, "third")
		t.must(t.Engine.RestoreData(t.ctx(), t.service))
		t.reads(t.name(1), note, "second")
		t.must(t.Engine.SaveData(t.ctx(), t.service))
		t.writes(t.name(1), note, "fourth")
		for range 2 {
			t.must(t.Engine.DropSavedData(t.ctx(), t.service))
			t.must(t.Engine.RestoreData(t.ctx(), t.service))
		}
		t.reads(t.name(1), note, "fourth")
		t.hasData(t.service + " " + kept)
	}},
	{name: "a service without data is left alone", holds: func(t *trial) {
		t.boot(t.name(1))
		for _, call := range []error{
			t.Engine.SaveData(t.ctx(), t.service), t.Engine.RestoreData(t.ctx(), t.service),
			t.Engine.DropSavedData(t.ctx(), t.service), t.Engine.RemoveData(t.ctx(), t.service),
		} {
			t.must(call)
		}
		if err := t.Engine.ExportData(t.ctx(), t.service, new(bytes.Buffer)); err == nil {
			t.Error("what is not there was exported")
		}
		t.hasData()
		t.runsOn(t.name(1))
	}},
	{name: "data are removed while no instance runs, and begin anew with the next start", holds: func(t *trial) {
		t.withData(t.name(1), kept)
		t.writes(t.name(1), note, "old")
		t.must(t.Engine.SaveData(t.ctx(), t.service))
		if err := t.Engine.RemoveData(t.ctx(), t.service); err == nil || !strings.Contains(err.Error(), t.name(1)) {
			t.Errorf("removed while its instance runs: %v", err)
		}
		t.reads(t.name(1), note, "old")
		t.stop(t.name(1))
		for range 2 {
			t.must(t.Engine.RemoveData(t.ctx(), t.service))
			t.hasData()
		}
		t.start(t.name(1))
		t.reads(t.name(1), note, "")
		t.hasData(t.service + " " + kept)
	}},
	{name: "data come back from an archive, here and for another service", holds: func(t *trial) {
		t.withData(t.name(1), kept, "/srv/more")
		large := strings.Repeat("x", 100<<10)
		t.writes(t.name(1), note, large)
		t.writes(t.name(1), "/srv/more/note", "more")
		var archive bytes.Buffer
		t.must(t.Engine.ExportData(t.ctx(), t.service, &archive))
		t.writes(t.name(1), note, "new")
		t.writes(t.name(1), kept+"/fresh", "new")
		takes := func(service string, text []byte) error {
			return t.Engine.ImportData(t.ctx(), service, bytes.NewReader(text))
		}
		if err := takes(t.service, archive.Bytes()); err == nil || !strings.Contains(err.Error(), t.name(1)) {
			t.Errorf("imported while its instance runs: %v", err)
		}
		t.stop(t.name(1))
		for _, text := range [][]byte{nil, []byte("no archive"), archive.Bytes()[:archive.Len()/2], archive.Bytes()[:700]} {
			if err := takes(t.service, text); err == nil {
				t.Errorf("%d bytes were imported", len(text))
			}
			if err := takes(t.other, text); err == nil {
				t.Errorf("%d bytes were imported", len(text))
			}
		}
		t.hasData(t.service+" "+kept, t.service+" /srv/more")
		t.start(t.name(1))
		t.reads(t.name(1), note, "new")
		t.stop(t.name(1))
		t.must(t.Engine.SaveData(t.ctx(), t.service))
		t.must(takes(t.service, archive.Bytes()))
		t.must(takes(t.other, archive.Bytes()))
		t.must(t.Engine.RestoreData(t.ctx(), t.service)) // what was saved is of before
		t.start(t.name(1))
		t.withData(t.other+"-1", kept)
		for _, name := range []string{t.name(1), t.other + "-1"} {
			t.reads(name, note, large)
			t.reads(name, kept+"/fresh", "")
		}
		t.reads(t.name(1), "/srv/more/note", "more")
		t.hasData(t.other+" "+kept, t.other+" /srv/more", t.service+" "+kept, t.service+" /srv/more")
	}},
	{name: "where data cannot be, no instance is made that cannot be removed", holds: func(t *trial) {
		for _, folder := range []string{"/proc/x", "/dev", t.BaseFile, "/etc/jarloop/x"} {
			s := t.spec(t.name(1))
			s.Data = []string{folder}
			if err := t.Engine.Create(t.ctx(), s); err == nil || errors.Is(err, deployer.ErrExists) {
				t.Errorf("made with data in %s: %v", folder, err)
			}
			t.must(t.Engine.Remove(t.ctx(), t.name(1)))
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
		s := t.spec(t.name(1))
		s.Data = []string{kept}
		if err := t.Engine.Create(t.ctx(), s); err == nil || errors.Is(err, deployer.ErrExists) {
			t.Errorf("made with data in %s: %v", kept, err)
		}
		if got := t.names(); len(got) > 0 {
			t.Errorf("there are %q", got)
		}
		if err := t.Engine.ImportData(t.ctx(), t.service, strings.NewReader("")); err == nil {
			t.Error("data were imported")
		}
	}},
}
