package enginetest

import (
	"bytes"
	"errors"
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

// makes is about instances and their records.
var makes = []promise{
	{name: "an instance is found with the record that it was made with", holds: func(t *trial) {
		record := []byte("no JSON\x00\xff, \nand binary")
		s := t.spec(t.name(1))
		s.Record = record
		t.must(t.Engine.Create(t.ctx(), s))
		for range 2 { // the next agent finds the same
			got := t.list()
			if i := got[t.name(1)]; len(got) != 1 || !bytes.Equal(i.Record, record) || i.Err != nil || i.Running || i.Half {
				t.Errorf("listed are %+v", got)
			}
			t.Engine = t.Restart(t.T)
		}
	}},
	{name: "a record is replaced as a whole", holds: func(t *trial) {
		t.create(t.name(1))
		t.boot(t.name(2))
		for _, name := range []string{t.name(1), t.name(2)} {
			t.must(t.Engine.SetRecord(t.ctx(), name, []byte("x")))
		}
		t.Engine = t.Restart(t.T)
		got := t.list()
		if string(got[t.name(1)].Record) != "x" || string(got[t.name(2)].Record) != "x" {
			t.Errorf("listed are %+v", got)
		}
		if got[t.name(1)].Running || !got[t.name(2)].Running {
			t.Errorf("the second alone runs: %+v", got)
		}
	}},
	{name: "a record of what is not there cannot be set", holds: func(t *trial) {
		t.Foreign(t.T, t.name(2))
		for _, name := range []string{t.name(1), t.name(2)} {
			if err := t.Engine.SetRecord(t.ctx(), name, []byte("x")); err == nil {
				t.Errorf("the record of %s was set", name)
			}
		}
		if got := t.names(); len(got) != 0 {
			t.Errorf("listed are %q", got)
		}
	}},
	{name: "a name that is taken is ErrExists, and nothing is done", holds: func(t *trial) {
		t.boot(t.name(1))
		other := t.spec(t.name(1))
		other.Record = []byte("another")
		if err := t.Engine.Create(t.ctx(), other); !errors.Is(err, deployer.ErrExists) {
			t.Errorf("a second one by that name: %v", err)
		}
		if i := t.list()[t.name(1)]; string(i.Record) != "record of "+t.name(1) || !i.Running || i.Half {
			t.Errorf("the first one is now %+v", i)
		}
		t.isUp(t.name(1))
	}},
	{name: "what is somebody else's is neither listed nor touched", holds: func(t *trial) {
		t.Foreign(t.T, t.name(1))
		t.create(t.name(2))
		if got := t.names(); !slices.Equal(got, []string{t.name(2)}) {
			t.Errorf("listed are %q", got)
		}
		_ = t.Engine.Stop(t.ctx(), t.name(1), 0) // an error or none, as long as nothing is done
		_ = t.Engine.Remove(t.ctx(), t.name(1))
		if err := t.Engine.Create(t.ctx(), t.spec(t.name(1))); !errors.Is(err, deployer.ErrExists) {
			t.Errorf("it was removed: %v", err)
		}
		if n, err := t.Engine.LastNumber(t.ctx(), t.service); n != 2 || err != nil {
			t.Errorf("the last number is %d, %v", n, err)
		}
	}},
	{name: "an unknown base is an error, of which nothing stays that cannot be removed", holds: func(t *trial) {
		s := t.spec(t.name(1))
		s.Base = "no-such-base"
		if err := t.Engine.Create(t.ctx(), s); err == nil || errors.Is(err, deployer.ErrExists) {
			t.Errorf("made of no base: %v", err)
		}
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		t.must(t.Engine.Remove(t.ctx(), t.name(1)))
		if got := t.names(); len(got) != 0 {
			t.Errorf("listed are %q", got)
		}
		t.create(t.name(1)) // the name is free again
	}},
	{name: "a name that is no service's with a number is refused", holds: func(t *trial) {
		for _, name := range []string{"", t.service, t.service + "-", t.service + "-x", "../web-1", "a/b-1", ".web-1", t.service + "-01"} {
			s := t.spec(t.name(1))
			s.Name = name
			if err := t.Engine.Create(t.ctx(), s); err == nil {
				t.Errorf("%q was made", name)
			}
		}
		if got := t.names(); len(got) != 0 {
			t.Errorf("listed are %q", got)
		}
	}},
	{name: "the last number counts what others have made, and kept output", holds: func(t *trial) {
		last := func(service string, want int) {
			t.Helper()
			if n, err := t.Engine.LastNumber(t.ctx(), service); n != want || err != nil {
				t.Errorf("the last number of %s is %d, %v; want %d", service, n, err, want)
			}
		}
		last(t.service, 0)
		t.Foreign(t.T, t.name(7))
		t.create(t.service + "-b-12")
		last(t.service, 7)
		t.run(t.name(10), t.Print("hello"))
		last(t.service, 10)
		t.must(t.Engine.Stop(t.ctx(), t.name(10), 0))
		t.must(t.Engine.Remove(t.ctx(), t.name(10)))
		last(t.service, 10)
		t.Engine = t.Restart(t.T)
		last(t.service, 10)
		last(t.service+"-b", 12)
		last("b", 0)
	}},
	{name: "what was half made or half removed is found, and can be removed", holds: func(t *trial) {
		t.HalfMade(t.T, t.spec(t.name(1)))
		t.HalfRemoved(t.T, t.spec(t.name(2)))
		t.create(t.name(3))
		t.Engine = t.Restart(t.T)
		got := t.list()
		if len(got) != 3 || !got[t.name(1)].Half || !got[t.name(2)].Half || got[t.name(3)].Half {
			t.Errorf("listed are %+v", got)
		}
		for _, name := range []string{t.name(1), t.name(2)} {
			if _, err := t.Engine.Start(t.ctx(), name); err == nil {
				t.Errorf("the half %s was started", name)
			}
			for range 2 {
				t.must(t.Engine.Stop(t.ctx(), name, 0))
				t.must(t.Engine.Remove(t.ctx(), name))
			}
		}
		if got := t.names(); !slices.Equal(got, []string{t.name(3)}) {
			t.Errorf("listed are %q", got)
		}
	}},
	{name: "what is gone can be stopped and removed again", holds: func(t *trial) {
		t.create(t.name(1))
		for range 2 {
			t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
			t.must(t.Engine.Remove(t.ctx(), t.name(1)))
		}
		t.must(t.Engine.Stop(t.ctx(), "never-1", soon))
		t.must(t.Engine.Remove(t.ctx(), "never-1"))
		if got := t.names(); len(got) != 0 {
			t.Errorf("listed are %q", got)
		}
	}},
	{name: "what runs is not removed", holds: func(t *trial) {
		t.boot(t.name(1))
		if err := t.Engine.Remove(t.ctx(), t.name(1)); err == nil {
			t.Error("it was removed")
		}
		if i := t.list()[t.name(1)]; string(i.Record) != "record of "+t.name(1) || !i.Running || i.Half {
			t.Errorf("it is now %+v", i)
		}
		t.isUp(t.name(1))
	}},
}
