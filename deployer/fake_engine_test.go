package deployer_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// engine is the machine's, for one agent.
type engine struct{ *door }

var _ deployer.Engine = engine{}

var instanceName = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)-(0|[1-9][0-9]*)$`)

// split gives the service and the number of an instance's name.
func split(name string) (service string, number int) {
	if m := instanceName.FindStringSubmatch(name); len(m) == 3 {
		service = m[1]
		number, _ = strconv.Atoi(m[2])
	}
	return service, number
}

// ours gives an instance that carries a record of ours, whole or half.
func (e engine) ours(name string) *instance {
	if i := e.instances[name]; i != nil && !i.foreign {
		return i
	}
	return nil
}

// up gives a running instance, or an error.
func (e engine) up(name string) (*instance, error) {
	if i := e.ours(name); i != nil && i.running {
		return i, nil
	}
	return nil, fmt.Errorf("%s: %w", name, deployer.ErrStopped)
}

func (e engine) List(ctx context.Context) (all []deployer.Instance, err error) {
	return all, e.do(ctx, "list", func() error {
		for name := range e.instances {
			if i := e.ours(name); i != nil {
				all = append(all, deployer.Instance{Name: name, Record: i.record, Running: i.running, Half: i.half})
			}
		}
		return nil
	})
}

func (e engine) LastNumber(ctx context.Context, service string) (last int, err error) {
	note := func(name string) {
		if of, n := split(name); of == service {
			last = max(last, n)
		}
	}
	return last, e.do(ctx, "last number", func() error {
		for name := range e.instances {
			note(name)
		}
		for name := range e.output {
			note(name)
		}
		return nil
	})
}

func (e engine) Create(ctx context.Context, s deployer.Spec) error {
	if !instanceName.MatchString(s.Name) {
		return fmt.Errorf("%q is no name of an instance", s.Name)
	}
	i := &instance{name: s.Name, base: s.Base, record: s.Record, half: true, data: s.Data, memory: s.Memory, files: maps.Clone(baseFiles), conns: map[netConn]uint16{}}
	if s.Address.IsValid() {
		i.address = s.Address.Addr()
	}
	err := e.do(ctx, "claim", func() error {
		switch {
		case e.instances[s.Name] != nil:
			return fmt.Errorf("%s: %w", s.Name, deployer.ErrExists)
		case s.Base != "base" && s.Base != "base-2":
			return fmt.Errorf("there is no base %s", s.Base)
		}
		for _, folder := range s.Data {
			if _, file := baseFiles[folder]; file || slices.ContainsFunc([]string{"/dev", "/proc", "/etc/jarloop"},
				func(own string) bool { return isWithin(folder+"/", own) }) {
				return fmt.Errorf("data cannot be in %s", folder)
			}
		}
		e.instances[s.Name] = i
		return nil
	})
	if err != nil {
		return err
	}
	return e.do(ctx, "create", func() error { i.half = false; e.seed(i); return nil })
}

func (e engine) SetRecord(ctx context.Context, name string, record []byte) error {
	e.lag("record " + name)
	return e.do(ctx, "record", func() error {
		i := e.ours(name)
		if i == nil || i.half {
			return fmt.Errorf("%s is not there", name)
		}
		i.record = record
		return nil
	})
}

// startTime is how long a start may take.
const startTime = 30 * time.Second

func (e engine) Start(ctx context.Context, name string) (addr netip.Addr, err error) {
	var i *instance
	err = e.do(ctx, "start", func() error {
		if i = e.ours(name); i == nil || i.half {
			return fmt.Errorf("%s is not there", name)
		}
		if i.hang {
			i.stuck = true
			return nil
		}
		e.boot(i)
		if !i.address.IsValid() {
			e.last = e.last.Next()
			i.address = e.last
		}
		addr = i.address
		return nil
	})
	if err == nil && !addr.IsValid() {
		short, cancel := context.WithTimeout(ctx, startTime)
		defer cancel()
		<-short.Done()
		if ctx.Err() == nil {
			return addr, fmt.Errorf("%s does not answer: %w", name, deployer.ErrLate)
		}
		return addr, fmt.Errorf("%s does not answer: %w", name, context.Cause(ctx))
	}
	return addr, err
}

func (e engine) Stop(ctx context.Context, name string, grace time.Duration) error {
	return e.ending(ctx, "stop", name, grace, func(i *instance) {
		e.kill(i)
		e.halt(i)
	})
}

func (e engine) Quit(ctx context.Context, name string, grace time.Duration) error {
	return e.ending(ctx, "quit", name, grace, func(i *instance) {
		i.enabled = false
		e.kill(i)
	})
}

// ending asks the service of an instance to end, waits for that, and then ends
// what is left. What is not there is no error.
func (e engine) ending(ctx context.Context, act, name string, grace time.Duration, end func(*instance)) error {
	var i *instance
	if err := e.do(ctx, act+" begins", func() error {
		if i = e.ours(name); i != nil && grace > 0 {
			e.ask(i)
		}
		return nil
	}); err != nil || i == nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	_ = e.until(short, func() bool { return i.unit == nil })
	return e.do(ctx, act, func() error { end(i); return nil })
}

func (e engine) Remove(ctx context.Context, name string) error {
	there := false
	err := e.do(ctx, "remove begins", func() error {
		i := e.ours(name)
		switch {
		case i == nil:
			return nil
		case i.running || i.stuck:
			return fmt.Errorf("%s is running", name)
		case i.busy:
			return fmt.Errorf("something is mounted in %s", name)
		}
		there, i.half = true, true
		return nil
	})
	if err != nil || !there {
		return err
	}
	return e.do(ctx, "remove", func() error { delete(e.instances, name); return nil })
}

func (e engine) Install(ctx context.Context, name, source, target string, c deployer.Command) error {
	return e.do(ctx, "install", func() error {
		i, err := e.up(name)
		if err != nil {
			return err
		}
		if source == "" {
			i.command = &c
			return nil
		}
		files := map[string]string{}
		if err := filepath.WalkDir(source, func(file string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || d.IsDir():
				return err
			case !d.Type().IsRegular():
				return fmt.Errorf("%s is no file", file)
			}
			text, err := os.ReadFile(file)
			rel, _ := filepath.Rel(source, file)
			files[path.Join(target, rel)] = string(text)
			return err
		}); err != nil {
			return err
		}
		for file := range i.files {
			if ok, _ := filepath.Rel(target, file); filepath.IsLocal(ok) {
				delete(i.files, file)
			}
		}
		for file, text := range files {
			i.files[file] = text
		}
		i.command = &c
		return nil
	})
}

func (e engine) Launch(ctx context.Context, name string) error {
	began := time.Now()
	if e.lag("guest boots"); time.Since(began) > 0 {
		deployer.NoteBoot(ctx, time.Since(began))
	}
	if err := e.until(ctx, func() bool { i := e.ours(name); return i == nil || !i.halting }); err != nil {
		return err
	}
	return e.do(ctx, "launch", func() error {
		if err := e.failing["launch "+name]; err != nil {
			return err
		}
		i := e.ours(name)
		if i == nil || i.half {
			return fmt.Errorf("%s is not there", name)
		}
		if i.hang {
			return errors.New("it does not boot")
		}
		e.boot(i)
		e.begin(i)
		return nil
	})
}

// check says how the service of an instance has ended. The lock is held.
func (e engine) check(name string) error {
	i := e.ours(name)
	switch {
	case i == nil:
		return &deployer.ExitError{How: "has gone with its container", Stopped: true, Gone: true}
	case !i.running:
		return &deployer.ExitError{How: "was stopped with its container", Stopped: true}
	case i.exit != nil:
		exit := *i.exit
		return &exit
	}
	return nil
}

func (e engine) Check(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead() {
		return nil
	}
	return e.check(name)
}

func (e engine) Wait(ctx context.Context, name string) (exit error) {
	err := e.until(ctx, func() bool {
		if !e.dead() {
			exit = e.check(name)
		}
		return exit != nil
	})
	if err != nil {
		return err
	}
	return exit
}
