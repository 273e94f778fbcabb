package enginetest

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// waits waits for the end of a service beside the test.
func (t *trial) waits(name string) chan *deployer.ExitError {
	told, ctx, e := make(chan *deployer.ExitError, 1), t.ctx(), t.Engine
	go func() {
		exit, ok := errors.AsType[*deployer.ExitError](e.Wait(ctx, name))
		if !ok {
			exit = &deployer.ExitError{How: "was not told of as an end"}
		}
		told <- exit
	}()
	return told
}

// endsWithContext ends a call by its context, and expects the cause of that.
func (t *trial) endsWithContext(call func(ctx context.Context) error) {
	t.Helper()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.ctx())
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	select {
	case err := <-done:
		t.Fatalf("it ended by itself: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	cancel(cause)
	select {
	case err := <-done:
		if !errors.Is(err, cause) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(soon):
		t.Fatal("it does not end with its context")
	}
}

// bears is about what any call bears.
var bears = []promise{
	{name: "each call ends when its context has", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		t.create(t.name(2))
		over, cancel := context.WithCancel(t.Context())
		cancel()
		e, source := t.Engine, t.artefacts(nil)
		for name, call := range map[string]func(){
			"List":        func() { _, _ = e.List(over) },
			"LastNumber":  func() { _, _ = e.LastNumber(over, t.service) },
			"Create":      func() { _ = e.Create(over, t.spec(t.name(3))) },
			"SetRecord":   func() { _ = e.SetRecord(over, t.name(2), []byte("x")) },
			"Start":       func() { _, _ = e.Start(over, t.name(2)) },
			"Stop":        func() { _ = e.Stop(over, t.name(2), soon) },
			"Remove":      func() { _ = e.Remove(over, "never-1") },
			"Install":     func() { _ = e.Install(over, t.name(1), source, target, t.Print()) },
			"Launch":      func() { _ = e.Launch(over, t.name(1)) },
			"Quit":        func() { _ = e.Quit(over, t.name(1), soon) },
			"Wait":        func() { _ = e.Wait(over, t.name(1)) },
			"Run":         func() { _, _ = e.Run(over, t.name(1), t.Say("x")) },
			"Dial":        func() { closeIf(e.Dial(over, t.name(1), 8080)) },
			"ReadFile":    func() { _, _ = e.ReadFile(over, t.name(1), "/etc/hostname") },
			"WriteFile":   func() { _ = e.WriteFile(over, t.name(1), "/opt/x", nil, 0o644) },
			"Follow":      func() { _ = e.Follow(over, t.name(1), deployer.FollowOptions{}, func(deployer.Line) {}) },
			"Prune":       func() { _ = e.Prune(over, t.service, 1) },
			"Disconnect":  func() { _ = e.Disconnect(over, t.name(1), 8080) },
			"Connections": func() { _, _, _ = e.Connections(over, t.name(1), 8080) },
			"Memory":      func() { _, _ = e.Memory(over, t.name(1)) },
			"SaveData":    func() { _ = e.SaveData(over, t.service) },
			"RestoreData": func() { _ = e.RestoreData(over, t.service) },
			"DropData":    func() { _ = e.DropSavedData(over, t.service) },
			"Data":        func() { _, _ = e.Data(over) },
			"RemoveData":  func() { _ = e.RemoveData(over, t.service) },
			"ExportData":  func() { _ = e.ExportData(over, t.service, io.Discard) },
			"ImportData":  func() { _ = e.ImportData(over, t.service, strings.NewReader("")) },
			"Space":       func() { _, _ = e.Space(over) },
		} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				call()
			}()
			select {
			case <-done:
			case <-time.After(soon):
				t.Errorf("%s goes on", name)
			}
		}
	}},
	{name: "instances come and go beside each other", holds: func(t *trial) {
		names := []string{t.name(1), t.name(2), t.other + "-1"}
		var all sync.WaitGroup
		for _, name := range names {
			s, source := t.spec(name), t.artefacts(map[string]string{"app.jar": name})
			all.Go(func() {
				if err := t.wholeLife(s, source); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		if got := t.names(); len(got) != 0 {
			t.Errorf("left are %q", got)
		}
	}},
	{name: "one instance bears several calls at once", holds: func(t *trial) {
		t.create(t.name(1))
		ctx := t.ctx()
		several := func(what string, call func() error) {
			t.Helper()
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					if err := call(); err != nil {
						t.Errorf("%s: %v", what, err)
					}
				})
			}
			all.Wait()
		}
		several("start", func() error { _, err := t.Engine.Start(ctx, t.name(1)); return err })
		t.install(t.name(1), t.Print())
		several("launch", func() error { return t.Engine.Launch(ctx, t.name(1)) })
		t.printed(t.name(1), "up", 1)
		several("run", func() error { _, err := t.Engine.Run(ctx, t.name(1), t.Say("x")); return err })
		several("launch", func() error { return t.Engine.Launch(ctx, t.name(1)) })
		several("write", func() error { return t.Engine.WriteFile(ctx, t.name(1), "/opt/x", []byte("x"), 0o644) })
		several("record", func() error { return t.Engine.SetRecord(ctx, t.name(1), []byte("x")) })
		t.runsOn(t.name(1))
		several("stop", func() error { return t.Engine.Stop(ctx, t.name(1), 0) })
		several("remove", func() error { return t.Engine.Remove(ctx, t.name(1)) })
		if n := t.count(t.name(1), "up"); n != 1 {
			t.Errorf("it was started %d times", n)
		}
	}},
}

func closeIf(c interface{ Close() error }, err error) {
	if err == nil {
		_ = c.Close()
	}
}

// wholeLife takes an instance from its making to its removal.
func (t *trial) wholeLife(s deployer.Spec, source string) error {
	ctx, e := t.ctx(), t.Engine
	if err := e.Create(ctx, s); err != nil {
		return err
	}
	if _, err := e.Start(ctx, s.Name); err != nil {
		return err
	}
	if err := e.Install(ctx, s.Name, source, target, t.Exit(3)); err != nil {
		return err
	}
	if err := e.Launch(ctx, s.Name); err != nil {
		return err
	}
	if exit, ok := errors.AsType[*deployer.ExitError](e.Wait(ctx, s.Name)); !ok || exit.Stopped {
		return errors.Join(errors.New("no end was told of"), e.Check(s.Name))
	}
	if text, err := e.ReadFile(ctx, s.Name, target+"/app.jar"); err != nil || string(text) != s.Name {
		return errors.Join(errors.New("another's artefacts: "+string(text)), err)
	}
	return errors.Join(e.Stop(ctx, s.Name, 0), e.Remove(ctx, s.Name))
}
