package deployer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/history"
)

// undoTime bounds the undoing of one step, beside the time that processes are
// given to end.
const undoTime = time.Minute

// Step is one finished step of a deploy.
type Step = history.Step

// act is what a step or its undo does.
type act func(context.Context) error

// steps are done one after the other: either all of them, or none as far as they
// can be undone. After one that failed the later ones are passed over.
type steps struct {
	ctx   context.Context
	grace time.Duration // what undoing waits for in processes
	// begins is called before each step, with those that are done; nil: nobody asks.
	begins func(name string, done []Step)
	done   []Step
	undos  []struct {
		name string
		undo act
	}
	err *stepError
}

// do does one step. Its undo may be nil; it also runs when the step itself
// fails, so it must be safe where the step was half done or never ran.
func (l *steps) do(name string, do, undo act) {
	if l.err != nil {
		return
	}
	if undo != nil {
		l.undo(name, undo)
	}
	defer crash.Point("step " + name)()
	if l.begins != nil {
		l.begins(name, slices.Clone(l.done))
	}
	started, boot := time.Now(), time.Duration(0)
	err := context.Cause(l.ctx)
	if err == nil {
		err = do(context.WithValue(l.ctx, bootWait{}, &boot))
	}
	if boot > time.Millisecond {
		l.done = append(l.done, Step{Name: "boot", Took: boot})
	}
	l.done = append(l.done, Step{Name: name, Took: time.Since(started) - boot})
	if err != nil {
		stopped := slices.ContainsFunc(l.done, func(s Step) bool { return s.Name == "stop" })
		l.err = &stepError{Step: name, Err: err, Stopped: stopped}
	}
}

// bootWait is the key of a context's *time.Duration: how long a step has waited for a
// guest to boot, which is no time of the step's own.
type bootWait struct{}

// NoteBoot is for an Engine. It notes that an act with that context has waited so long
// for the guest to boot; who does the act may ask for that or not.
func NoteBoot(ctx context.Context, waited time.Duration) {
	if sum, asked := ctx.Value(bootWait{}).(*time.Duration); asked {
		*sum += waited
	}
}

// undo adds what is to be undone of an earlier time when a step fails.
func (l *steps) undo(name string, undo act) {
	l.undos = append(l.undos, struct {
		name string
		undo act
	}{name, undo})
}

// end undoes everything if a step failed, last first, on a context of its own: a
// cancelled deploy is undone too. Before that explain may add to the reason.
func (l *steps) end(explain func(context.Context, error) error) error {
	if l.err == nil {
		return nil
	}
	l.err.Err = explain(context.WithoutCancel(l.ctx), l.err.Err)
	for i := len(l.undos) - 1; i >= 0; i-- {
		u := l.undos[i]
		over := crash.Point("undo " + u.name)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), undoTime+l.grace)
		if err := u.undo(ctx); err != nil {
			l.err.Undo = errors.Join(l.err.Undo, fmt.Errorf("undo %s: %w", u.name, err))
		}
		cancel()
		over()
	}
	return l.err
}

// failure is why a step failed; nil if none has.
func (l *steps) failure() error {
	if l.err == nil {
		return nil
	}
	return l.err
}

// stepError says which step of a deploy failed, and why. What could not be
// undone afterwards is in Undo; it is tried again later.
type stepError struct {
	Step string
	Err  error
	Undo error
	// Stopped says that what was live has been stopped for it.
	Stopped bool
}

func (e *stepError) Error() string {
	if e.Undo != nil {
		return fmt.Sprintf("%s: %v (and %v)", e.Step, e.Err, e.Undo)
	}
	return fmt.Sprintf("%s: %v", e.Step, e.Err)
}

func (e *stepError) Unwrap() error { return e.Err }
